"""Videos to square frames on a regular grid."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpt.errors import ConfigError, DataError
from mmpt.store.decode import decode_frames
from mmpt.store.framegrid import TimedFrame, resample


def write_video(path, frames, fps=30, codec="libx264", options=None):
    """Write uint8 frames (n, H, W, 3) as a video."""
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=fps)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


def add_sound(container):
    stream = container.add_stream("aac", rate=16000)
    frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
    frame.sample_rate = 16000
    container.mux(stream.encode(frame))
    container.mux(stream.encode())


def write_sound(path):
    with av.open(str(path), "w") as container:
        add_sound(container)
    return path


def grey(levels, height=48, width=64):
    return np.broadcast_to(np.array(levels, np.uint8)[:, None, None, None], (len(levels), height, width, 3))


def quadrant(height=48, width=64):
    """One frame that is white at the top left."""
    frame = np.zeros((1, height, width, 3), np.uint8)
    frame[:, : height // 2, : width // 2] = 255
    return frame.repeat(10, axis=0)


@pytest.mark.parametrize(
    ("fps", "indexes"), [(30, range(30)), (10, range(1, 30, 3)), (60, np.arange(60) // 2)]
)
def test_the_grid_shows_the_frames_at_their_times(tmp_path, fps, indexes):
    levels = np.arange(30) * 8
    path = write_video(tmp_path / "v.mp4", grey(levels))
    found = [frame.mean() for frame in decode_frames(path, fps, 16)]
    # At 10 fps, source frame 1 (0.033 s) rounds to grid point 0 and replaces frame 0; then every third.
    np.testing.assert_allclose(found, levels[list(indexes)], atol=3)


def ffmpeg_grid(path, fps):
    """What FFmpeg's own fps filter gives, as frame numbers."""
    with av.open(str(path)) as container:
        graph = av.filter.Graph()
        source = graph.add_buffer(template=container.streams.video[0])
        filtered, sink = graph.add("fps", str(fps)), graph.add("buffersink")
        source.link_to(filtered)
        filtered.link_to(sink)
        graph.configure()
        levels = []
        for frame in [*container.decode(video=0), None]:
            source.push(frame)
            while True:
                try:
                    levels.append(sink.pull().to_ndarray(format="rgb24").mean())
                except (av.error.BlockingIOError, av.error.EOFError):
                    break
    return levels


@pytest.mark.parametrize("rate", [8, 24, 25, 30, Fraction(30000, 1001)])
@pytest.mark.parametrize("fps", [10, 24, 30])
def test_the_grid_is_that_of_ffmpeg_on_constant_rates(tmp_path, rate, fps):
    path = write_video(tmp_path / "v.mp4", grey(np.arange(31) * 8), rate)
    np.testing.assert_allclose(
        [f.mean() for f in decode_frames(path, fps, 16)], ffmpeg_grid(path, fps), atol=3
    )


@given(st.lists(st.integers(1, 50), min_size=1, max_size=20), st.integers(1, 40))
def test_any_timing_gives_a_grid_of_the_right_length_in_order(durations, fps):
    ends = np.cumsum(durations).tolist()
    frames = [
        TimedFrame(Fraction(end - length, 100), Fraction(length, 100), number)
        for number, (end, length) in enumerate(zip(ends, durations, strict=True))
    ]
    shown = [number for number, repeats in resample(frames, fps) for _ in range(repeats)]
    assert len(shown) == max(1, int(Fraction(ends[-1], 100) * fps + Fraction(1, 2)))
    assert shown == sorted(shown)


def test_frames_that_jump_back_do_not_turn_time_back():
    frames = [TimedFrame(Fraction(t), Fraction(1), t) for t in (0, 1, 2, 1, 3)]
    assert [item for item, repeats in resample(frames, 1) for _ in range(repeats)] == [0, 1, 1, 3]


@pytest.mark.parametrize(("height", "width"), [(48, 64), (64, 48), (40, 200)])
def test_the_short_side_is_scaled_and_the_middle_cut_out(tmp_path, height, width):
    frame = np.zeros((3, height, width, 3), np.uint8)
    frame[:, height // 2 - 10 : height // 2 + 10, width // 2 - 10 : width // 2 + 10] = 255
    path = write_video(tmp_path / "v.mp4", frame)
    image = next(decode_frames(path, 30, 20))
    assert image.shape == (20, 20, 3)
    assert image.dtype == np.uint8
    white = np.argwhere(image[..., 0] > 128)
    assert abs(white.mean(axis=0) - 9.5).max() <= 1
    # 20 source pixels are 20 / short side of the picture.
    assert np.ptp(white, axis=0) + 1 == pytest.approx(20 * 20 / min(height, width), abs=2)


@pytest.mark.parametrize(
    ("matrix", "white_corner"),
    [((0, 1, -1, 0), (0, 1)), ((-1, 0, 0, -1), (1, 1)), ((0, -1, 1, 0), (1, 0)), ((1, 0, 0, 1), (0, 0))],
    ids=["90 clockwise", "180", "270 clockwise", "upright"],
)
def test_the_rotation_that_a_telephone_stores_is_applied(tmp_path, matrix, white_corner):
    path = write_video(tmp_path / "v.mp4", quadrant())
    content = bytearray(path.read_bytes())
    at = content.find(b"tkhd") + 44  # the matrix in the track header, ISO/IEC 14496-12 section 8.3.2
    a, b, c, d = (entry << 16 for entry in matrix)
    content[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    image = next(decode_frames(path, 30, 16))
    corners = {
        (row, column): image[row * 12 + 2, column * 12 + 2, 0] > 128 for row in (0, 1) for column in (0, 1)
    }
    assert [corner for corner, white in corners.items() if white] == [white_corner]


def test_a_sound_file_is_refused_by_name(tmp_path):
    with pytest.raises(DataError, match=r"sound\.mp4 has no video stream, only: audio"):
        next(decode_frames(write_sound(tmp_path / "sound.mp4"), 30, 16))


@pytest.mark.parametrize("name", ["none.mkv", "none.mp4"])
@pytest.mark.parametrize("sound", [False, True])
def test_a_video_without_frames_is_refused(tmp_path, name, sound):
    with av.open(str(tmp_path / name), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        if sound:
            add_sound(container)
        else:
            container.start_encoding()
    with pytest.raises(DataError, match=rf"{name} (has no frames|has no video stream|cannot be decoded)"):
        next(decode_frames(tmp_path / name, 30, 16))


@pytest.mark.parametrize(
    ("name", "options"), [("v.mp4", {}), ("v.mp4", {"movflags": "faststart"}), ("v.mkv", {})]
)
@pytest.mark.parametrize("share", [0.3, 0.7])
def test_a_truncated_video_is_refused(tmp_path, name, options, share):
    noise = np.random.default_rng(0).integers(0, 255, (90, 48, 64, 3), dtype=np.uint8)
    path = write_video(tmp_path / name, noise, fps=15, options=options)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(DataError, match=r"v\.\w+ (is|cannot be decoded).*truncated"):
        list(decode_frames(path, 30, 16))


def test_what_is_no_video_is_refused(tmp_path):
    (tmp_path / "text.mp4").write_text("hello")
    with pytest.raises(DataError, match=r"text\.mp4 cannot be decoded"):
        next(decode_frames(tmp_path / "text.mp4", 30, 16))
    with pytest.raises(DataError, match=r"none\.mp4 does not exist"):
        next(decode_frames(tmp_path / "none.mp4", 30, 16))
    with pytest.raises(ConfigError, match="given are 0 and 16"):
        next(decode_frames(tmp_path / "text.mp4", 0, 16))


def test_a_playlist_that_leads_to_the_network_is_not_followed(tmp_path):
    playlist = tmp_path / "v.mp4"
    playlist.write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n"
    )
    with pytest.raises(DataError, match="cannot be decoded"):
        next(decode_frames(playlist, 30, 16))


def test_a_name_with_a_colon_is_a_file_name(tmp_path):
    path = write_video(tmp_path / "concat:a|b.mp4", grey([9] * 10))
    assert sum(1 for _ in decode_frames(path, 30, 16)) == 10
