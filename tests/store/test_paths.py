"""The plan of an extraction: which videos, and where their features go."""

import json

import pytest

from mmpt.errors import DataError
from mmpt.store.paths import PathBuilder


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
    plan.save(tmp_path / "meta_plan.json")
    saved = json.loads((tmp_path / "meta_plan.json").read_text())
    assert saved["videos"]["w"]["feature"] == str(tmp_path / "features/w.npy")


def test_a_missing_folder_and_one_without_videos_are_named(tmp_path):
    with pytest.raises(DataError, match=r"There is no folder .*none"):
        PathBuilder([tmp_path / "none"], tmp_path).build()
    (tmp_path / "a.txt").touch()
    with pytest.raises(DataError, match=r"no video in .* \(1 other files\)\. Known suffixes: \.3gp"):
        PathBuilder([tmp_path], tmp_path).build()
