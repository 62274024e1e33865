"""A folder of unlucky files through extract.py: each has features or is reported, and the exit code tells."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from video_makers import bad_videos, grey, write_video

from mmpt.encoders.s3d import S3D

SCRIPT = Path(__file__).parents[2] / "scripts" / "video_feature_extractor" / "extract.py"


@pytest.fixture
def extract(tmp_path):
    """Function: options -> exit code of extract.py on the folder ``videos``, with a narrow network."""
    torch.manual_seed(0)
    weights = tmp_path / "narrow.pth"
    torch.save(S3D(num_classes=512, width=0.1, text_module=False).state_dict(), weights)
    options = ["--weights", str(weights), "--width", "0.1", "--fps", "4", "--size", "32", "--device", "cpu"]
    options += ["--vdir", str(tmp_path / "videos"), "--fdir", str(tmp_path / "feat")]
    main = runpy.run_path(str(SCRIPT))["main"]
    return lambda *more: main([*options, *more])


def failures(folder):
    return json.loads((folder / "feat" / "extraction_report.json").read_text())["failed"]


def test_every_file_has_features_or_a_reason_why_not(tmp_path, extract, caplog):
    expected = bad_videos(tmp_path / "videos")
    assert extract() == 1
    found = {path.stem: len(np.load(path)) for path in (tmp_path / "feat").glob("*.npy")}
    assert found == {name: seconds for name, seconds in expected.items() if seconds is not None}
    failed = failures(tmp_path)
    assert sorted(failed) == sorted(name for name, seconds in expected.items() if seconds is None)
    for name, reason in failed.items():
        assert f"/{name}." in reason
        assert reason in caplog.text
    # Without the unlucky ones there is nothing to say, and nothing is done again.
    for path in (tmp_path / "videos").iterdir():
        if path.stem in failed:
            path.unlink()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "feat").glob("*.npy")}
    assert extract() == 0
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "feat").glob("*.npy")} == before


def test_the_limits_are_options(tmp_path, extract):
    (tmp_path / "videos").mkdir()
    write_video(tmp_path / "videos" / "long.mp4", grey([9] * 30), 15)
    write_video(tmp_path / "videos" / "short.mp4", grey([9] * 15), 15)
    assert extract("--decode_frames", "4") == 1
    assert list(failures(tmp_path)) == ["long"]
    assert "long.mp4 has more than 4 frames at 4 per second" in failures(tmp_path)["long"]
