"""The plan of an extraction: which videos, and where their features go."""

import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis.strategies import integers

from mmpt.errors import ConfigError, DataError
from mmpt.store.paths import PathBuilder, PathPlan, VideoJob, parse_part


def test_videos_are_found_in_folders_and_one_level_below(tmp_path):
    for name in (
        "a/x.mp4",
        "a/sub/y.MKV",
        "a/sub/deep/z.mp4",
        "a/notes.txt",
        "a/.hidden.mp4",
        "b/w.webm",
        "b/x.avi",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    plan = PathBuilder([tmp_path / "a", tmp_path / "b"], tmp_path / "features").build()
    assert [(job.video_id, job.video.name, job.feature.name) for job in plan.jobs] == [
        ("w", "w.webm", "w.npy"),
        ("x", "x.mp4", "x.npy"),
        ("y", "y.MKV", "y.npy"),
    ]
    assert plan.duplicates == {"x": [str(tmp_path / "b/x.avi")]}
    assert plan.other_files == 1
    assert plan.too_deep == [str(tmp_path / "a/sub/deep")]
    plan.save(tmp_path / "meta_plan.json")
    saved = json.loads((tmp_path / "meta_plan.json").read_text())
    assert saved["videos"]["w"]["feature"] == str(tmp_path / "features/w.npy")


def test_a_missing_folder_and_one_without_videos_are_named(tmp_path):
    with pytest.raises(DataError, match=r"There is no folder .*none"):
        PathBuilder([tmp_path / "none"], tmp_path).build()
    (tmp_path / "a.txt").touch()
    with pytest.raises(DataError, match=r"no video in .* \(1 other files\)\. Known suffixes: \.3gp"):
        PathBuilder([tmp_path], tmp_path).build()


def test_videos_further_below_are_named_unless_their_folder_is_given(tmp_path):
    (tmp_path / "a/sub/deep/deeper").mkdir(parents=True)
    (tmp_path / "a/sub/deep/deeper/z.mp4").touch()
    (tmp_path / "a/sub/empty").mkdir()
    with pytest.raises(DataError, match=r"videos further below, as in .*a/sub/deep: give that\."):
        PathBuilder([tmp_path / "a"], tmp_path).build()
    folders = [tmp_path / "a", tmp_path / "a/sub/deep"]
    plan = PathBuilder(folders, tmp_path).build()
    assert [job.video_id for job in plan.jobs] == ["z"]
    assert plan.too_deep == []


def test_a_folder_given_within_another_is_looked_into_and_its_videos_are_no_duplicates(tmp_path):
    (tmp_path / "a/sub/deep").mkdir(parents=True)
    (tmp_path / "a/sub/y.mp4").touch()
    (tmp_path / "a/sub/deep/z.mp4").touch()
    plan = PathBuilder([tmp_path / "a", tmp_path / "a/sub", tmp_path / "a"], tmp_path).build()
    assert [job.video_id for job in plan.jobs] == ["y", "z"]
    assert (plan.duplicates, plan.too_deep) == ({}, [])


def plan_of(tmp_path, names):
    for name in names:
        (tmp_path / f"{name}.mp4").touch()
    return PathBuilder([tmp_path], tmp_path / "features").build()


@given(videos=integers(1, 40), parts=integers(1, 12))
def test_parts_are_the_plan_and_no_video_is_in_two(videos, parts):
    jobs = [VideoJob(str(number), Path(f"{number}.mp4"), Path(f"{number}.npy")) for number in range(videos)]
    cut = [PathPlan(jobs).part(number, parts).jobs for number in range(parts)]
    assert sorted(itertools.chain(*cut), key=lambda job: int(job.video_id)) == jobs
    sizes = list(map(len, cut))
    assert max(sizes) - min(sizes) <= 1


def test_a_saved_plan_is_read_for_any_folder_of_features(tmp_path):
    plan = plan_of(tmp_path, ["b", "a"])
    plan.save(tmp_path / "plan.json")
    assert PathPlan.load(tmp_path / "plan.json", tmp_path / "features") == plan
    assert PathPlan.load(tmp_path / "plan.json", tmp_path / "features", (1, 2)) == plan.part(1, 2)
    (first, _) = PathPlan.load(tmp_path / "plan.json", "elsewhere").jobs
    assert first == VideoJob("a", tmp_path / "a.mp4", Path("elsewhere/a.npy"))


@pytest.mark.parametrize(
    "text", ["{}", "[]", '{"videos": {"a": 3}, "duplicates": {}, "other_files": 0}', "{"]
)
def test_what_is_no_plan_is_refused(tmp_path, text):
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(DataError, match=r"plan\.json is (no plan of an extraction|not valid JSON)"):
        PathPlan.load(tmp_path / "plan.json", tmp_path)


def test_parts_are_counted_from_zero():
    assert parse_part("0/4") == (0, 4)
    assert parse_part("3/4") == (3, 4)
    for text in ("4/4", "1", "a/b", "-1/4", "1/0", "", "1/2/3"):
        with pytest.raises(ConfigError, match=r"is no part of a plan; parts are counted from 0: 0/4, 1/4"):
            parse_part(text)
