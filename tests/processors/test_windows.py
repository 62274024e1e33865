import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpt.config import DatasetConfig
from mmpt.errors import ConfigError
from mmpt.processors.windows import SlidingWindows, covered_seconds, covers_nothing


def test_windows_of_eight_every_four_end_with_the_video():
    begin, end = SlidingWindows(size=8, stride=4).bounds(25)
    assert begin.tolist() == [0, 4, 8, 12, 16, 20]
    assert end.tolist() == [8, 12, 16, 20, 24, 25]


@pytest.mark.parametrize("seconds", [1, 7, 8])
def test_a_video_no_longer_than_a_window_has_one(seconds):
    begin, end = SlidingWindows(size=8, stride=4).bounds(seconds)
    assert (begin.tolist(), end.tolist()) == ([0], [seconds])


@given(st.integers(1, 300), st.integers(1, 40), st.data())
def test_windows_are_those_of_a_loop_and_cover_every_second(seconds, size, data):
    stride = data.draw(st.integers(1, size))
    expected = []
    for start in range(0, seconds, stride):
        expected.append((start, min(start + size, seconds)))
        if start + size >= seconds:
            break
    windows = SlidingWindows(size, stride)
    assert list(zip(*(bound.tolist() for bound in windows.bounds(seconds)), strict=True)) == expected
    rows = windows.seconds(seconds)
    assert rows.tolist() == [second for first, last in expected for second in range(first, last)]
    assert set(rows.tolist()) == set(range(seconds))


@pytest.mark.parametrize(("size", "stride"), [(8, 9), (8, 0), (0, 0)])
def test_windows_that_lose_seconds_are_refused(size, stride):
    with pytest.raises(
        ConfigError, match=f"sliding_window is {stride} and .*_size {size}; 1 <= sliding_window"
    ):
        SlidingWindows(size, stride)


def test_a_window_that_the_model_cannot_take_is_refused():
    config = DatasetConfig(sliding_window=16, sliding_window_size=33, max_video_len=32)
    with pytest.raises(ConfigError, match=r"sliding_window_size 33 is more than dataset\.max_video_len 32"):
        SlidingWindows.of(config, "the aligner")


def test_windows_need_both_keys():
    with pytest.raises(ConfigError, match=r"needs dataset\.sliding_window_size, which is not set"):
        SlidingWindows.of(DatasetConfig(sliding_window=4), object())


@given(st.floats(0, 40), st.floats(0, 40), st.integers(1, 30))
def test_a_segment_covers_the_seconds_that_it_touches(start, end, seconds):
    touched = [s for s in range(seconds) if math.floor(start) <= s < math.ceil(end)]
    assert np.arange(seconds)[covered_seconds(start, end, seconds)].tolist() == touched
    assert covers_nothing(start, end, seconds) == (not touched)
