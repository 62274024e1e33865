"""The command that removes repeats: any kind of captions, any number of processes, reports of failures."""

import json

import pytest

from mmpt.errors import DataError
from mmpt.processors.dedupprocessor import CaptionDedupProcessor, main
from mmpt.store import caption_dedup as dedupprocessor
from mmpt.store.caption_files import CaptionFile
from mmpt.utils import resumable

ROLLING = {"start": [0, 1, 2], "end": [1, 2, 3], "text": ["cut the red", "the red onion", "red onion now"]}


@pytest.fixture
def raw(tmp_path, monkeypatch):
    """raw_caption.json of 30 videos, handed out by threes; every group is a checkpoint."""
    monkeypatch.setattr(dedupprocessor, "VIDEOS_AT_A_TIME", 3)
    monkeypatch.setattr(resumable, "CHECKPOINT_SECONDS", 0.0)
    path = tmp_path / "raw_caption.json"
    path.write_text(json.dumps({f"v{number}": ROLLING for number in range(30)}))
    return path


@pytest.mark.parametrize("name", ["a.pkl", "a.jsonl"])
def test_the_file_does_not_depend_on_the_number_of_processes(raw, tmp_path, name):
    one, two = (CaptionDedupProcessor(seed=5, workers=workers) for workers in (1, 2))
    stats = one.process_file(raw, tmp_path / name)
    written = (tmp_path / name).read_bytes()
    assert two.process_file(raw, tmp_path / name) == stats == one.stats
    assert (tmp_path / name).read_bytes() == written
    assert (stats.videos, stats.captions_in) == (30, 90)
    assert stats.captions_in == stats.captions_out + stats.dropped + stats.merged
    # Each video alone gives the same.
    columns = CaptionFile(tmp_path / name).columns("v7")
    assert columns == CaptionDedupProcessor(seed=5)("v7", ROLLING)


def test_videos_that_cannot_be_read_are_named_and_the_others_written(raw, tmp_path, caplog):
    bad = {**ROLLING, "end": [1]}
    raw.write_text(json.dumps({"v": ROLLING, "bad1": bad, "w": ROLLING, "bad2": {}}))
    with caplog.at_level("INFO"):
        assert main(["--how2dir", str(tmp_path), "--num_workers", "2"]) == 1
    assert "2 videos, 6 captions in" in caplog.text
    assert "2 videos were left out, the first is 'bad1': The captions of the video 'bad1'" in caplog.text
    assert list(CaptionFile(tmp_path / "raw_caption_dedup.pkl")) == ["v", "w"]
    report = json.loads((tmp_path / "raw_caption_dedup_report.json").read_text())
    assert list(report["failed"]) == ["bad1", "bad2"]
    assert (report["videos"], report["captions_in"]) == (2, 6)


def test_an_interrupted_run_is_continued_and_reads_no_video_twice(raw, tmp_path, monkeypatch):
    CaptionDedupProcessor().process_file(raw, tmp_path / "whole.pkl")
    whole = (tmp_path / "whole.pkl").read_bytes()
    read = []
    parse = dedupprocessor.parse_captions

    def stop_at_ten(path, video_id, content):
        if video_id == "v10" and "v10" not in read:
            read.append(video_id)
            raise KeyboardInterrupt
        read.append(video_id)
        return parse(path, video_id, content)

    monkeypatch.setattr(dedupprocessor, "parse_captions", stop_at_ten)
    processor = CaptionDedupProcessor()
    with pytest.raises(KeyboardInterrupt):
        processor.process_file(raw, tmp_path / "x.pkl")
    stats = processor.process_file(raw, tmp_path / "x.pkl")
    assert (tmp_path / "x.pkl").read_bytes() == whole
    assert (stats.videos, stats.captions_in) == (30, 90)
    # v9 and the unlucky v10 were read before the stop, but their group was not written.
    assert sorted(read) == sorted([*(f"v{number}" for number in range(30)), "v9", "v10"])
    assert not list(tmp_path.glob(".*"))


def test_another_seed_or_changed_captions_start_anew(raw, tmp_path, monkeypatch):
    monkeypatch.setattr(dedupprocessor, "write_json", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    for seed in (0, 1):
        with pytest.raises(KeyboardInterrupt):
            CaptionDedupProcessor(seed).process_file(raw, tmp_path / "x.pkl")
    monkeypatch.undo()
    CaptionDedupProcessor(0).process_file(raw, tmp_path / "x.pkl")
    CaptionDedupProcessor(0).process_file(raw, tmp_path / "y.pkl")
    assert (tmp_path / "x.pkl").read_bytes() == (tmp_path / "y.pkl").read_bytes()


def test_subtitles_and_tables_of_a_folder_are_cleaned(tmp_path):
    folder = tmp_path / "subtitles"
    folder.mkdir()
    (folder / "a.en.vtt").write_text(
        "WEBVTT\n\n00:01.000 --> 00:02.000\nstir\n\n00:02.000 --> 00:03.000\nstir it\n"
    )
    (folder / "b.csv").write_text("start,end,text\n1,2,mix\n2,3,\n")
    (folder / "c.srt").write_text("not found")
    arguments = ["--how2dir", str(tmp_path), "--source", "subtitles", "--target", "x.jsonl"]
    assert main(arguments) == 1
    assert [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()] == [
        {"video_id": "a", "start": [1.0], "end": [3.0], "text": ["stir it"]},
        {"video_id": "b", "start": [1.0], "end": [2.0], "text": ["mix"]},
    ]
    report = json.loads((tmp_path / "x_report.json").read_text())
    assert "c.srt has no line" in report["failed"]["c"]
    assert (report["dropped"], report["merged"]) == (1, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--source", "none.json"], r"none\.json does not exist"),
        (["--source", "subtitles"], r"There is no folder .*subtitles with captions; check the path"),
        (["--source", "x.txt"], r"x\.txt ends in '\.txt'; known are"),
        (["--target", "x.json"], r"x\.json cannot be written: its name must end in \.pkl or \.jsonl"),
    ],
)
def test_what_cannot_be_read_or_written_is_named(raw, tmp_path, arguments, message):
    with pytest.raises(DataError, match=message):
        main(["--how2dir", str(tmp_path), *arguments])
    assert [path.name for path in tmp_path.iterdir()] == ["raw_caption.json"]
