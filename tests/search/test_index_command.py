"""``mmpt index`` and ``mmpt search``, as a user types them."""

import io
import json
import os
from pathlib import Path

import pytest
from small_index import write_colours
from small_model import write_task

from mmpt.errors import ConfigError, DataError
from mmpt.search import Index, Searcher
from mmpt_cli.index import main as index
from mmpt_cli.search import main as search


@pytest.fixture
def videos(tmp_path):
    write_colours(tmp_path / "videos/one.mp4", "red", "green", "blue")
    write_colours(tmp_path / "videos/two.mp4", "blue", "grey", seed=1)
    return tmp_path / "videos"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_index_names_bad_files_and_indexes_the_rest(videos, tmp_path, task, capsys, workers):
    (videos / "bad.mp4").write_text("no video")
    command = [str(videos), "--out", str(tmp_path / "index"), "--num_workers", workers]
    assert index([*command, "--model", str(task), "--device", "cpu"]) == 1
    printed = capsys.readouterr()
    assert f"The video {videos}/bad.mp4 cannot be decoded" in printed.err
    assert printed.err.count("bad.mp4") == 1
    assert "2 videos added, 0 updated, 0 removed, 0 unchanged, 1 failed; 2 videos, 10 seconds" in printed.out
    (videos / "bad.mp4").unlink()
    assert index([*command, "--verify"]) == 0  # the model is remembered
    printed = capsys.readouterr().out
    assert "0 videos added, 0 updated, 0 removed, 2 unchanged, 0 failed" in printed
    assert "all 5 files are as they were written" in printed
    (videos / "one.mp4").unlink()
    assert index(command) == 0
    assert "1 videos do not exist any more; --remove-missing takes them out" in capsys.readouterr().out
    assert index([*command, "--remove-missing"]) == 0
    assert "1 removed" in capsys.readouterr().out
    assert [entry.id for entry in Index.open(tmp_path / "index").videos] == ["two"]
    assert index(["--out", str(tmp_path / "index"), "--remove", "two"]) == 0
    assert capsys.readouterr().out.endswith("taken out: two\n")
    assert not Index.open(tmp_path / "index").videos


def test_search_prints_rank_file_from_to_score_and_percentile(made, searcher, capsys, monkeypatch):
    monkeypatch.chdir(made / "videos")  # files are named from here
    assert search(["--count", "2", str(made / "index"), "--device", "cpu", "red ball"]) == 0
    for rank, (line, hit) in enumerate(
        zip(capsys.readouterr().out.splitlines(), searcher.search("red ball", 2), strict=True), 1
    ):
        times = f"0:{int(hit.start):02d}-0:{int(hit.end):02d}"
        path = hit.path.removeprefix(f"{made}/videos/")
        assert line == f"{rank:3d}  {path}  {times}  {hit.score:.3f}  {hit.percentile:.2f} %"


def test_search_takes_several_queries_also_from_stdin_and_prints_json(made, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("a dog\n\nيد\n"))
    assert search([str(made / "index"), "red", "-", "--like", "a", "--json", "--count", "3"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line.get("query", line.get("like")) for line in lines] == ["red", "a dog", "يد", "a"]
    assert all(len(line["hits"]) == 3 for line in lines)
    first = lines[0]["hits"][0]
    assert set(first) == {"video_id", "path", "start", "end", "score", "percentile", "state"}


def test_an_index_is_searched_from_any_folder(videos, tmp_path, tiny_bert, capsys, monkeypatch):
    """Its task names the files of the model relative to the working directory."""
    for name in ("model", "elsewhere"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    task = write_task(Path("model"), tiny_bert)
    assert "save_dir: model" in task.read_text()
    assert index(["videos", "--out", "index", "--model", str(task), "--device", "cpu"]) == 0
    monkeypatch.chdir("elsewhere")
    capsys.readouterr()
    assert search(["../index", "red", "--count", "1"]) == 0
    assert "/videos/" in capsys.readouterr().out
    assert Path.cwd() == tmp_path / "elsewhere"
    with pytest.raises(ConfigError, match=f"The index was made in {tmp_path} .* work there, or name"):
        Searcher.open("../index")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # the folder of somebody else
    with pytest.raises(ConfigError, match=f"The index was made in {tmp_path} .* work there, or name"):
        search(["../index", "red"])


def test_no_model_is_loaded_to_find_videos_that_are_like_one(own, model, capsys, monkeypatch):
    hits = Searcher.open(own / "index", model).similar("a", 2)
    monkeypatch.setattr(Searcher, "open", None)
    assert search([str(own / "index"), "--like", "a", "--count", "2"]) == 0
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()] == [hit.path for hit in hits]
    with pytest.raises(ConfigError, match=r"with the model of the index; open it with Searcher\.open"):
        Searcher(Index.open(own / "index")).search("red")


def test_missing_videos_are_marked(own, capsys):
    (own / "videos/c.mp4").unlink()
    search([str(own / "index"), "--like", "a"])
    lines = capsys.readouterr().out.splitlines()
    assert [("c.mp4" in line, line.endswith("(missing)")) for line in lines].count((True, True)) == 1
    assert sum(line.endswith("(missing)") for line in lines) == 1


def test_mistakes_are_told_in_a_sentence(made, own, tmp_path, capsys):
    with pytest.raises(DataError, match="There is no index in"):
        search([str(tmp_path), "red"])
    with pytest.raises(DataError, match="The query is empty"):
        search([str(made / "index"), " "])
    with pytest.raises(ConfigError, match=r"The task file nowhere\.yaml does not exist"):
        search([str(made / "index"), "red", "--model", "nowhere.yaml"])
    vectors = next((own / "index/segments").glob("*1.safetensors"))
    content = bytearray(vectors.read_bytes())
    content[-1] ^= 1
    vectors.write_bytes(content)
    with pytest.raises(DataError, match="has changed since it was written"):
        index(["--out", str(own / "index"), "--verify"])
    for arguments in ([str(made / "index")], ["--out", "x"], [str(made), "--out", "x", "--num_workers", "0"]):
        with pytest.raises(SystemExit, match="2"):
            (search if arguments[0] == str(made / "index") else index)(arguments)


def test_columns_stand_under_each_other_and_long_texts_are_shortened(made, capsys):
    assert search([str(made / "index"), "red", "blue " * 100, "--count", "8"]) == 0
    lines = capsys.readouterr().out.splitlines()
    long = next(number for number, line in enumerate(lines) if line.startswith("blue"))
    assert len(lines[long]) == 200
    assert lines[long].endswith("...")
    moments = lines[1:long]
    assert len({line.index("%") for line in moments}) == 1
    assert len({line.index("0:") for line in moments}) == 1
    assert {line.split()[1].count("sub/") for line in moments} == {0, 1}  # paths of two lengths
