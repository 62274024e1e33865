"""Thumbnails: the frame that is asked for, in every container, upright and square-pixeled, as a JPEG."""

import base64
import io
from fractions import Fraction

import av
import numpy as np
import pytest
import video_makers as make

from mmpt.errors import DataError
from mmpt.store import thumbnails
from mmpt.store.thumbnails import encode_jpeg, frame_at, jpeg_data_uri

FRAME = np.full((33, 47, 3), (200, 40, 90), np.uint8)
CODECS = {
    "mp4": "libx264",
    "mkv": "libx264",
    "avi": "mpeg4",
    "webm": "libvpx",
    "ts": "libx264",
    "flv": "flv1",
}


@pytest.fixture(scope="module")
def ramps(tmp_path_factory):
    """A video per container of 300 frames, 10 a second, that get lighter by 8 every second."""
    folder = tmp_path_factory.mktemp("ramps")
    frames = make.grey([8 * (n // 10) for n in range(300)])
    return {
        form: make.write_video(folder / f"ramp.{form}", frames, fps=10, codec=codec)
        for form, codec in CODECS.items()
    }


@pytest.mark.parametrize("form", CODECS)
@pytest.mark.parametrize("second", [0, 0.5, 7.5, 13.5, 29.5])
def test_the_frame_at_a_second_is_the_one_that_is_shown_then(ramps, form, second):
    assert frame_at(ramps[form], second).mean() == pytest.approx(8 * int(second), abs=4)


@pytest.mark.parametrize("form", ["mp4", "avi", "webm"])
@pytest.mark.parametrize("second", [30.0, 1e6])
def test_past_the_end_it_is_the_last_frame(ramps, form, second):
    assert frame_at(ramps[form], second).mean() == pytest.approx(8 * 29, abs=4)


def test_times_count_from_the_first_frame(tmp_path):
    # Two frames, at 5.0 s and 6.0 s of the file's own time.
    path = make.write_timed(tmp_path / "late.mkv", make.grey([40, 200]), [5000, 6000])
    assert frame_at(path, 0.5).mean() == pytest.approx(40, abs=4)
    assert frame_at(path, 1.5).mean() == pytest.approx(200, abs=4)


def test_only_so_many_frames_are_decoded_on_the_way(ramps, monkeypatch):
    monkeypatch.setattr(thumbnails, "MOST_FRAMES", 20)
    # The only key frames are at 0 and 25 s (every 250 frames): of second 13 the 20th frame is shown.
    assert frame_at(ramps["mp4"], 13.5).mean() == pytest.approx(8 * 1, abs=4)


def test_the_short_side_is_scaled_down_and_never_up(tmp_path):
    path = make.write_video(tmp_path / "wide.mp4", make.grey([90] * 3, height=120, width=320))
    assert frame_at(path, 0, size=60).shape == (60, 160, 3)
    assert frame_at(path, 0, size=500).shape == (120, 320, 3)


def test_oblong_pixels_become_square_and_a_rotation_is_applied(tmp_path):
    path = make.write_video(tmp_path / "a.mp4", make.quadrant(48, 64), pixel=Fraction(3, 2))
    assert frame_at(path, 0).shape == (48, 96, 3)
    turned = make.rotate(make.write_video(tmp_path / "b.mp4", make.quadrant(48, 64)), (0, 1, -1, 0))
    picture = frame_at(turned, 0)
    assert picture.shape == (64, 48, 3)
    assert picture[:20, 30:].mean() > 240 > 15 > picture[40:, :20].mean()  # the top left is top right


def test_what_has_no_picture_is_refused(tmp_path):
    (tmp_path / "text.mp4").write_text("not a video")
    sound = make.write_sound(tmp_path / "sound.mp4")
    for path, words in {
        tmp_path / "none.mp4": "does not exist",
        tmp_path / "text.mp4": "cannot be decoded",
        sound: "no video stream",
    }.items():
        with pytest.raises(DataError, match=words):
            frame_at(path, 1)


def test_a_thumbnail_is_the_frame_as_jpeg():
    with av.open(io.BytesIO(encode_jpeg(FRAME)), format="mjpeg") as stream:
        image = next(stream.decode(video=0)).to_ndarray(format="rgb24")
    assert image.shape == FRAME.shape  # odd sizes too
    assert np.abs(image.astype(int) - FRAME).max() <= 4
    head, data = jpeg_data_uri(FRAME).split(",")
    assert head == "data:image/jpeg;base64"
    assert base64.b64decode(data)[:2] == b"\xff\xd8"


@pytest.mark.parametrize("frame", [FRAME.astype(np.float32), FRAME[..., 0], FRAME[:0]])
def test_what_is_no_frame_is_refused(frame):
    with pytest.raises(DataError, match="needs a uint8 frame"):
        encode_jpeg(frame)
