"""An index follows the files: new, changed, moved, bad and missing ones."""

import os
import shutil

import numpy as np
import pytest
import torch
from small_index import assert_same, contents, extract_simply, files, write_colours

from mmpt.errors import ConfigError, DataError
from mmpt.models import MMPTModel
from mmpt.search import Index, Searcher, build_index, remove_videos
from mmpt.search.model import default_task
from mmpt.store.extraction_report import ExtractionReport


def nothing_is_extracted(model, jobs):
    assert not [job for job in jobs if not job.feature.exists()]
    return ExtractionReport()


def test_the_index_holds_every_second_and_every_clip(made):
    index = Index.open(made / "index")
    assert [(entry.id, entry.seconds) for entry in index.videos] == [("a", 6), ("b", 4), ("c", 2), ("d", 12)]
    # Clips of 4 seconds: 6 s are 2, 4 s and 2 s are 1, 12 s are 3.
    assert index.counts == {"videos": 4, "seconds": 24, "clips": 7}
    assert index.meta.model.clip_seconds == 4


def test_the_vectors_are_those_of_the_model(made, model):
    index = Index.open(made / "index")
    number, position = index.place("a")
    video = index.segments[number].of(position)
    path = next((made / "index/features").glob(f"{video.entry.sha256[:32]}.npy"))
    seconds = model.encode_seconds([path])[0]
    assert (video.seconds.float() - seconds).abs().max() < 1e-2
    clips = torch.stack([clip.mean(0) for clip in seconds.split(4)])
    assert (index.segments[number].clips_at(position).float() - clips).abs().max() < 1e-2
    assert (index.segments[number].videos[position].float() - seconds.mean(0)).abs().max() < 1e-2


def test_the_same_again_changes_nothing(own, model):
    before = (own / "index/index.json").stat().st_mtime_ns
    report = build_index([own / "videos"], own / "index", model, extract=nothing_is_extracted)
    assert (report.added, report.updated, report.removed, report.unchanged) == (0, 0, 0, 4)
    assert (own / "index/index.json").stat().st_mtime_ns == before


def test_a_new_video_comes_in_and_the_rest_stays(own, model):
    entries, vectors = contents(own / "index")
    write_colours(own / "videos/new.mp4", "green", "grey", seed=5)
    report = build_index([own / "videos"], own / "index", model)
    assert (report.added, report.unchanged) == (1, 4)
    after, vectors_after = contents(own / "index")
    assert [entry for entry in after if entry.id != "new"] == entries
    assert Index.open(own / "index").video("new").seconds == 4
    for name in vectors.keys() - {"text", "video"}:
        np.testing.assert_array_equal(vectors_after[name], vectors[name])
    named, there = files(own / "index")
    assert named == there


def test_adding_one_by_one_gives_what_adding_all_at_once_gives(own, model, tmp_path):
    for name in ("sub/d", "b", "a", "c"):
        build_index(own / f"videos/{name}.mp4", tmp_path / "slow", model, extract=extract_simply)
    assert_same(contents(tmp_path / "slow"), contents(own / "index"))


def test_a_changed_video_replaces_itself(own, model):
    write_colours(own / "videos/c.mp4", "blue", "red", seed=9)
    report = build_index([own / "videos"], own / "index", model)
    assert (report.added, report.updated, report.unchanged) == (0, 1, 3)
    index = Index.open(own / "index")
    assert index.video("c").seconds == 4
    assert len(list((own / "index/features").glob("*.npy"))) == 4  # the features of the old one are gone
    assert index.counts["videos"] == 4


def test_a_video_that_was_only_touched_is_not_decoded_again(own, model):
    os.utime(own / "videos/b.mp4", ns=(1, 1))
    report = build_index([own / "videos"], own / "index", model, extract=nothing_is_extracted)
    assert (report.updated, report.unchanged) == (1, 3)
    assert Index.open(own / "index").video("b").mtime_ns == 1


def test_a_missing_video_stays_until_its_removal_is_asked_for(own, model):
    (own / "videos/c.mp4").unlink()
    assert build_index([own / "videos"], own / "index", model).missing == 1
    assert {hit.state for hit in Searcher.open(own / "index", model).similar("c")} == {"ok"}
    report = build_index([own / "videos"], own / "index", model, remove_missing=True)
    assert (report.removed, report.unchanged) == (1, 3)
    assert [entry.id for entry in Index.open(own / "index").videos] == ["a", "b", "d"]


def test_only_what_was_looked_for_is_removed(own, model):
    shutil.rmtree(own / "videos/sub")
    (own / "videos/c.mp4").unlink()
    report = build_index([own / "videos/sub"], own / "index", model, remove_missing=True)
    assert report.removed == 1
    assert [entry.id for entry in Index.open(own / "index").videos] == ["a", "b", "c"]


def test_a_video_is_taken_out_by_its_id_and_comes_back_with_its_folder(own, model):
    remove_videos(own / "index", ["b"], model)
    index = Index.open(own / "index")
    assert "b" not in index
    assert index.verify() == []
    assert len(list((own / "index/features").glob("*.npy"))) == len(index.videos)
    assert build_index(own / "videos", own / "index", model).added == 1


def test_of_several_ids_one_that_is_unknown_leaves_all_videos_in(own, model):
    before = Index.open(own / "index").videos
    with pytest.raises(DataError, match="has no video 'bb'"):
        remove_videos(own / "index", ["b", "bb"], model)
    assert Index.open(own / "index").videos == before


def test_an_index_may_become_empty(own, model):
    shutil.rmtree(own / "videos")
    build_index([own / "videos"], own / "index", model, remove_missing=True)
    assert Index.open(own / "index").counts == {"videos": 0, "seconds": 0, "clips": 0}
    assert Searcher.open(own / "index", model).search("anything") == []
    assert list((own / "index/segments").iterdir()) == []


def test_a_moved_video_is_not_decoded_again(own, model):
    (own / "videos/c.mp4").rename(own / "videos/other.mp4")
    report = build_index(
        [own / "videos"], own / "index", model, remove_missing=True, extract=nothing_is_extracted
    )
    assert (report.added, report.removed) == (1, 1)


def test_a_second_video_of_the_same_name_gets_an_id_of_its_own(own, model):
    (own / "videos/sub/a.mp4").symlink_to(own / "videos/a.mp4")
    build_index([own / "videos"], own / "index", model, extract=nothing_is_extracted)
    ids = [entry.id for entry in Index.open(own / "index").videos]
    assert len(ids) == 5
    assert [name for name in ids if name.startswith("a-")]
    found = Searcher.open(own / "index", model).search("red", 20)
    assert {hit.video_id for hit in found} == set(ids)
    order = [(-hit.score, hit.video_id) for hit in found]
    assert order == sorted(order)  # equal scores: the lower id first


def test_bad_files_are_named_and_the_rest_is_indexed(own, model):
    (own / "videos/bad.mp4").write_text("no video")
    (own / "videos/empty.mp4").touch()
    (own / "videos/c.mp4").write_text("was a video")
    report = build_index([own / "videos"], own / "index", model)
    assert sorted(report.failed) == [str(own / f"videos/{name}.mp4") for name in ("bad", "c", "empty")]
    assert all(path in reason for path, reason in report.failed.items())
    # What was there of c is gone: it is not in the file any more.
    assert [entry.id for entry in Index.open(own / "index").videos] == ["a", "b", "d"]


def test_a_video_that_changes_while_it_is_indexed_is_left_to_the_next_run(own, model):
    path = write_colours(own / "videos/new.mp4", "green", seed=5)

    def interrupted(model, jobs):
        for job in jobs:
            job.feature.write_bytes(next((own / "index/features").glob("*.npy")).read_bytes())
        write_colours(path, "red", "red", seed=6)
        return ExtractionReport()

    report = build_index([own / "videos"], own / "index", model, extract=interrupted)
    assert "was changed while it was being indexed" in report.failed[str(path)]
    assert build_index([own / "videos"], own / "index", model).added == 1
    assert Index.open(own / "index").video("new").seconds == 4


def test_folders_that_hold_something_else_are_refused(own, model, tmp_path):
    with pytest.raises(ConfigError, match="holds something else"):
        build_index([own / "videos"], own / "videos", model)
    with pytest.raises(DataError, match=r"There is no folder or video .*nowhere"):
        build_index([tmp_path / "nowhere"], tmp_path / "new", model)
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match=r"There is no video in .*none\. Known suffixes"):
        build_index([tmp_path / "none"], tmp_path / "new", model)


def test_another_model_is_refused_in_a_sentence(made, own, model):
    other = MMPTModel(model.config, type(model.model)(model.config))
    with pytest.raises(ConfigError, match=r"was made with the model MMFusionSeparate \w+, and the one given"):
        Searcher.open(made / "index", other)
    with pytest.raises(ConfigError, match="was made with the model"):
        build_index([own / "videos"], own / "index", other)


def test_an_index_remembers_its_model(made, task):
    assert Index.open(made / "index").meta.model.task == str(task)
    assert Searcher.open(made / "index").search("red", 1)


def test_without_a_model_the_sentence_says_what_to_do(own, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="run `make demo`"):
        build_index([own / "videos"], tmp_path / "new")


def test_the_files_of_an_index_may_be_read_by_whoever_may_read_new_files(own):
    expected = (own / "index/index.json").stat().st_mode
    modes = {path.name: path.stat().st_mode for path in (own / "index/segments").iterdir()}
    assert set(modes.values()) == {expected}


def test_that_the_model_is_only_the_demos_is_said(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs/demo").mkdir(parents=True)
    (tmp_path / "runs/demo/checkpoint_best.pt").touch()
    assert default_task() == "projects/demo/how2.yaml"
    assert "knows coloured shapes and nothing else" in caplog.text
    for file in ("runs/retri/videoclip/checkpoint_best.pt", "pretrained_models/s3d_howto100m.pth"):
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).touch()
    caplog.clear()
    assert default_task() == "projects/retri/videoclip/how2.yaml"
    assert not caplog.text
