"""Damage is found, killed writers leave nothing broken, readers and a writer do not disturb each other."""

import json
import shutil
import time

import numpy as np
import pytest
from small_index import assert_same, assert_same_hits, contents, files, update, write_colours

from mmpt.errors import DataError
from mmpt.search import Index, Searcher, build_index
from mmpt.utils.lock import exclusive


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def test_one_flipped_byte_in_any_file_is_found(own):
    index = Index.open(own / "index")
    assert index.verify() == []
    rng = np.random.default_rng(0)
    for name in index.checksums():
        path = own / "index" / name
        place = rng.integers(path.stat().st_size)
        flip(path, place)
        assert [str(path) in fault for fault in index.verify()] == [True]
        flip(path, place)
    assert index.verify() == []


def test_one_flipped_byte_in_the_manifest_is_an_error(own):
    path = own / "index/index.json"
    for place in np.random.default_rng(1).integers(path.stat().st_size, size=50):
        flip(path, place)
        with pytest.raises(DataError, match=r"index\.json|version"):
            Index.open(own / "index")
        flip(path, place)
    Index.open(own / "index")


def test_damage_that_opening_notices_is_named(own):
    index = own / "index"
    vectors = next(index.glob("segments/*[0-9].safetensors"))
    whole = vectors.read_bytes()
    vectors.write_bytes(whole[:-1])
    with pytest.raises(DataError, match=r"has not the .* bytes that it had"):
        Index.open(index)
    vectors.unlink()
    with pytest.raises(DataError, match="lacks the file"):
        Index.open(index)
    vectors.write_bytes(b"\xff" * len(whole))
    with pytest.raises(DataError, match="cannot be read"):
        Index.open(index)


def test_what_is_no_index_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"There is no index in .* make one: mmpt index"):
        Index.open(tmp_path)
    (tmp_path / "index.json").write_text("[]")
    with pytest.raises(DataError, match="is no index of mmpt"):
        Index.open(tmp_path)
    (tmp_path / "index.json").write_text(json.dumps({"format": "mmpt-index", "version": 1}))
    with pytest.raises(DataError, match="has version 1, and this mmpt reads version 2"):
        Index.open(tmp_path)


def test_two_processes_do_not_write_at_once(own, start, task, model):
    with exclusive(own / "index/.lock", "the index"):
        process = start(update, own, task)
        process.join()
    assert process.exitcode == 1
    start(update, own, task).join()
    assert Index.open(own / "index").verify() == []


def test_a_segment_that_a_reader_holds_is_kept(own, model):
    reader = Index.open(own / "index")
    held = {file.path for segment in reader.meta.segments for file in segment.files}
    (own / "videos/c.mp4").unlink()
    write_colours(own / "videos/new.mp4", *["red"] * 20)
    build_index([own / "videos"], own / "index", model, remove_missing=True)
    there, named = files(own / "index")
    assert there - named == held
    del reader
    build_index([own / "videos"], own / "index", model)
    assert files(own / "index")[0] == named


@pytest.mark.parametrize("kills", [4, pytest.param(40, marks=pytest.mark.slow)])
def test_a_killed_update_ends_like_an_undisturbed_one(own, start, task, model, kills):
    queries = ["red ball", "a dog"]
    (own / "videos/a.mp4").unlink()
    write_colours(own / "videos/c.mp4", "blue", "red", seed=9)
    for number in range(4):
        write_colours(own / f"videos/new{number}.mp4", "green", *["grey"] * number, seed=number)
    (own / "videos/bad.mp4").write_text("no video")
    random, before = np.random.default_rng(kills), {entry.id for entry in Index.open(own / "index").videos}
    hits = 0
    while hits < kills:
        shutil.copytree(own / "index", own / "before")
        process = start(update, own, task)
        time.sleep(random.uniform(0.0, 1.0))
        process.kill()
        process.join()
        index = Index.open(own / "index")
        assert index.verify() == []
        assert {entry.id for entry in index.videos} <= before | {f"new{number}" for number in range(4)}
        assert Searcher(index, model).search("red ball", 3)
        del index
        if process.exitcode != 0:
            hits += 1
        else:  # it was done: back to what was before
            shutil.rmtree(own / "index")
            shutil.copytree(own / "before", own / "index")
        shutil.rmtree(own / "before")
    build_index([own / "videos"], own / "index", model, remove_missing=True)
    build_index([own / "videos"], own / "whole", model)
    assert_same(contents(own / "index"), contents(own / "whole"))
    resumed, whole = (Searcher.open(own / name, model) for name in ("index", "whole"))
    for query in queries:
        assert_same_hits(resumed.search(query, 20), whole.search(query, 20))
    there, named = files(own / "index")
    assert there == named
    assert [path.name for path in (own / "index").iterdir() if path.name.startswith(".")] == []


def test_readers_see_whole_states_while_a_writer_works(own, start, task, model):
    expected = {hit.video_id for hit in Searcher.open(own / "index", model).search("red", 50)}
    writer = start(update, own, task, own / "enough")
    searcher, generations = Searcher.open(own / "index", model), set()
    while writer.is_alive():
        opened = Index.open(own / "index")
        assert [entry.id for entry in opened.videos] == ["a", "b", "c", "d"]
        searcher.refresh()
        assert {hit.video_id for hit in searcher.search("red", 50)} == expected
        generations.add(searcher.index.meta.generation)
        if len(generations) > 2:
            (own / "enough").touch()
    assert writer.exitcode == 0
    assert len(generations) > 2
