"""Videos to square frames on a regular grid."""

from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from video_makers import (
    add_sound,
    bad_videos,
    cut,
    grey,
    noise,
    quadrant,
    rotate,
    write_sound,
    write_timed,
    write_video,
)

from mmpt.errors import ConfigError, DataError
from mmpt.store.decode import decode_frames
from mmpt.store.decode_pool import whole_seconds
from mmpt.store.framegrid import TimedFrame, resample, square_window


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


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv"])
@pytest.mark.parametrize("seed", range(3))
def test_the_grid_is_that_of_ffmpeg_on_any_times_too(tmp_path, name, seed):
    starts = np.cumsum(np.random.default_rng(seed).integers(5, 200, 20)).tolist()
    path = write_timed(tmp_path / name, grey(np.arange(20) * 12), starts)
    for fps in (10, 30):
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
    path = rotate(write_video(tmp_path / "v.mp4", quadrant()), matrix)
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
    ("name", "codec", "options"),
    [
        ("v.mp4", "libx264", {}),
        ("v.mp4", "libx264", {"movflags": "faststart"}),
        ("v.mkv", "libx264", {}),
        ("v.avi", "mpeg4", {}),
        ("v.flv", "flv", {}),
    ],
)
@pytest.mark.parametrize("share", [0.3, 0.7])
def test_a_truncated_video_is_refused(tmp_path, name, codec, options, share):
    path = cut(write_video(tmp_path / name, noise(90), 15, codec, options=options), share)
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


def test_a_video_that_begins_before_zero_is_on_the_same_grid():
    # Starts -0.5 and 0.5 at 1 per second: halves go away from zero, to -1 and 1, so that the first lasts two.
    frames = [TimedFrame(Fraction(2 * n - 1, 2), Fraction(1), n) for n in range(3)]
    assert list(resample(frames, 1)) == [(0, 2), (1, 1), (2, 1)]


@pytest.mark.parametrize(
    ("picture", "pixel", "window"),
    [
        ((1280, 720), None, (398, 224, 87, 0)),
        ((1440, 1080), Fraction(4, 3), (398, 224, 87, 0)),  # HDV: shown as 1920 x 1080
        ((720, 576), Fraction(16, 15), (299, 224, 37, 0)),  # PAL: shown as 768 x 576
        ((480, 480), Fraction(3, 4), (224, 299, 0, 37)),
        ((640, 480), Fraction(1000), (299, 224, 37, 0)),  # nonsense counts as square
        ((16, 1024), None, None),
    ],
)
def test_the_square_is_cut_from_the_picture_as_it_is_shown(picture, pixel, window):
    assert square_window(*picture, pixel, 224) == window


def test_pixels_that_are_not_square_are_made_square(tmp_path):
    # A block of 24 x 12 stored pixels, each half as wide as high, is shown as a square of 12.
    frame = np.zeros((3, 48, 128, 3), np.uint8)
    frame[:, 18:30, 52:76] = 255
    path = write_video(tmp_path / "v.mp4", frame, pixel=Fraction(1, 2))
    white = np.argwhere(next(decode_frames(path, 30, 48))[..., 0] > 128)
    np.testing.assert_allclose(np.ptp(white, axis=0) + 1, [12, 12], atol=1)


def test_a_strip_is_refused_before_it_is_scaled(tmp_path):
    path = write_video(tmp_path / "v.mp4", np.zeros((3, 16, 1024, 3), np.uint8))
    with pytest.raises(DataError, match=r"v\.mp4 has too oblong a picture for a square: 1024x16 pixels"):
        next(decode_frames(path, 30, 16))


def test_a_video_cut_short_a_little_is_used_with_a_warning(tmp_path, caplog):
    path = cut(write_video(tmp_path / "v.flv", noise(90), 15), 0.95)
    assert 81 <= sum(1 for _ in decode_frames(path, 15, 16)) < 90
    assert "v.flv is used without its damaged parts: 1 of" in caplog.text


def test_a_hole_in_the_middle_is_bridged_and_a_large_one_refused(tmp_path, caplog):
    path = write_video(tmp_path / "v.mp4", noise(90), 15)
    content = path.read_bytes()
    begin = len(content) * 4 // 10
    for share, works in ((20, True), (3, False)):
        hole = len(content) // share
        path.write_bytes(content[:begin] + bytes(hole) + content[begin + hole :])
        if works:
            assert sum(1 for _ in decode_frames(path, 15, 16)) == 90
            assert "used without its damaged parts" in caplog.text
        else:
            with pytest.raises(DataError, match=r"damaged: \d+ of 90 packets cannot be decoded"):
                list(decode_frames(path, 15, 16))


@pytest.mark.parametrize(("tag", "declared"), [(b"DURATION", "2.0"), (b"________", "30.1")])
def test_a_cut_is_found_where_the_sound_is_longer(tmp_path, tag, declared):
    # A tag tells the length of the video. Without it, the sound tells how far the file goes.
    path = tmp_path / "v.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=15)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        add_sound(container, 30)
        for frame in noise(30):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    path.write_bytes(path.read_bytes().replace(b"DURATION", tag))
    assert sum(1 for _ in decode_frames(path, 15, 16)) == 30
    with pytest.raises(DataError, match=f"truncated: its header says {declared} s"):
        list(decode_frames(cut(path, 0.5), 15, 16))


@pytest.mark.filterwarnings("error")
def test_the_corpus_of_bad_videos_is_decoded_or_reported_by_name(tmp_path):
    expected = bad_videos(tmp_path / "videos")
    for path in sorted((tmp_path / "videos").iterdir()):
        seconds = expected[path.stem]
        if seconds is None:
            with pytest.raises(DataError, match=f"{path.name} (cannot|has no|is truncated|is empty)"):
                list(decode_frames(path, 15, 16))
        else:
            assert sum(1 for _ in whole_seconds(decode_frames(path, 15, 16), 15)) == seconds, path.name


def test_a_script_that_names_other_files_is_not_followed(tmp_path):
    write_video(tmp_path / "good.mp4", grey([9] * 10))
    script = tmp_path / "v.mp4"
    script.write_text("ffconcat version 1.0\nfile good.mp4\n")
    with av.open(str(script)) as container:  # FFmpeg itself would
        assert sum(1 for _ in container.decode(video=0)) == 10
    with pytest.raises(DataError, match=r"v\.mp4 cannot be decoded"):
        next(decode_frames(script, 30, 16))


def test_a_folder_is_no_video(tmp_path):
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(DataError, match=r"folder\.mp4 is no regular file"):
        next(decode_frames(tmp_path / "folder.mp4", 30, 16))
