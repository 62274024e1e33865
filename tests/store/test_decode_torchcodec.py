"""torchcodec as a decoder: the same grid and square as PyAV's, the same refusals."""

import importlib.util
import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from video_makers import bad_videos, cut, grey, noise, quadrant, rotate, write_timed, write_video

from mmpt.errors import ConfigError, DataError, MissingDependencyError
from mmpt.store.decode import decode_frames
from mmpt.store.decode_process import ProcessDecoder
from mmpt.store.decode_torchcodec import TorchcodecDecoder

LIBRARIES = Path(av.__file__).parent.parent / "av.libs"

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("torchcodec") is None, reason="torchcodec is not installed"),
    pytest.mark.skipif(not LIBRARIES.is_dir(), reason="this PyAV uses the system's FFmpeg"),
]


@pytest.fixture(scope="module")
def decoder(tmp_path_factory):
    """torchcodec in processes that find the FFmpeg of PyAV under the names that it looks for."""
    folder = tmp_path_factory.mktemp("ffmpeg")
    for path in LIBRARIES.iterdir():
        name, _, rest = path.name.partition("-")  # libavutil-5809ad29.so.60.26.102
        number = rest.partition(".so.")[2].partition(".")[0]
        if name.startswith(("libav", "libsw")) and number:
            (folder / f"{name}.so.{number}").symlink_to(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LD_LIBRARY_PATH", f"{folder}:{LIBRARIES}:{os.environ.get('LD_LIBRARY_PATH', '')}")
        with ProcessDecoder(TorchcodecDecoder()) as decoder:
            yield decoder


@pytest.mark.parametrize(("rate", "fps"), [(30, 30), (25, 10), (Fraction(30000, 1001), 24)])
def test_the_grid_is_the_same(tmp_path, decoder, rate, fps):
    path = write_video(tmp_path / "v.mp4", grey(np.arange(70) * 3), rate)
    expected = [frame.mean() for frame in decode_frames(path, fps, 16)]
    np.testing.assert_allclose([frame.mean() for frame in decoder(path, fps, 16)], expected, atol=2)


def test_the_grid_is_the_same_on_uneven_times(tmp_path, decoder):
    path = write_timed(tmp_path / "v.mkv", grey([0, 60, 120, 180]), [20, 40, 900, 1960])
    expected = [frame.mean() for frame in decode_frames(path, 10, 16)]
    np.testing.assert_allclose([frame.mean() for frame in decoder(path, 10, 16)], expected, atol=2)


@pytest.mark.parametrize(
    ("matrix", "pixel"),
    [(None, None), ((0, 1, -1, 0), None), (None, Fraction(1, 2)), ((0, 1, -1, 0), Fraction(1, 2))],
)
def test_the_square_is_the_same(tmp_path, decoder, matrix, pixel):
    path = write_video(tmp_path / "v.mp4", quadrant(48, 160), pixel=pixel)
    if matrix is not None:
        rotate(path, matrix)
    expected = np.stack(list(decode_frames(path, 30, 24))).astype(int)
    found = np.stack(list(decoder(path, 30, 24))).astype(int)
    assert found.shape == expected.shape
    assert np.abs(found - expected).mean() < 3  # edges are smoothed in another way


def test_what_pyav_refuses_is_refused(tmp_path, decoder):
    expected = bad_videos(tmp_path)
    for path in sorted(tmp_path.iterdir()):
        if expected[path.stem] is None:
            with pytest.raises(DataError, match=path.name):
                list(decoder(path, 15, 16))


def test_a_truncated_video_is_refused(tmp_path, decoder):
    path = cut(write_video(tmp_path / "v.mp4", noise(90), 15, options={"movflags": "faststart"}), 0.6)
    with pytest.raises(DataError, match=r"v\.mp4"):
        list(decoder(path, 15, 16))


def test_wrong_requests_and_a_missing_ffmpeg_are_no_fault_of_the_video(tmp_path, monkeypatch):
    path = write_video(tmp_path / "v.mp4", grey([9] * 3))
    with pytest.raises(ConfigError, match="given are 30 and 0"):
        list(TorchcodecDecoder()(path, 30, 0))
    monkeypatch.setenv("LD_LIBRARY_PATH", "")
    with pytest.raises(MissingDependencyError, match="cannot be loaded"):
        list(ProcessDecoder(TorchcodecDecoder())(path, 30, 16))
