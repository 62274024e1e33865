"""Moments of a video: the stretch that stands out is found, once, as a plain loop finds it."""

import itertools
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpt.errors import ConfigError, DataError
from mmpt.modules.moments import Moment, find_moments, smooth

# Few different values: level ground and equal peaks are common then.
scores = st.lists(st.integers(-4, 4).map(lambda number: number / 4), min_size=1, max_size=40)


def naive(rows, count, smoothed, longest):
    """Walk to the left and right of every peak, one second at a time."""

    def at(second):
        return rows[min(max(second, 0), len(rows) - 1)]

    before = (smoothed - 1) // 2
    level = [
        sum(at(second - before + each) for each in range(smoothed)) / smoothed for second in range(len(rows))
    ]

    def is_peak(second):
        after = next((each for each in level[second:] if each != level[second]), -np.inf)
        return (second == 0 or level[second - 1] < level[second]) and after < level[second]

    taken, found = set(), []
    for peak in sorted(filter(is_peak, range(len(rows))), key=lambda second: -level[second]):
        half = (level[peak] + statistics.median(level)) / 2
        if level[peak] < half or peak in taken or len(found) == count:
            continue
        start, end = peak, peak + 1
        while start > 0 and level[start - 1] >= half and start - 1 not in taken:
            start -= 1
        while end < len(rows) and level[end] >= half and end not in taken:
            end += 1
        if end - start > longest:
            start = max(start, min(peak - longest // 2, end - longest))
            end = start + longest
        taken |= set(range(start, end))
        found.append(Moment(start, end, level[peak]))
    return found


@given(scores, st.integers(1, 6), st.sampled_from([1, 2, 4]), st.integers(1, 12))
def test_moments_are_those_of_a_plain_loop(rows, count, smoothed, longest):
    # Sums of 1, 2 or 4 quarters are exact, so that level ground is level in both.
    found = find_moments(rows, count, smoothed=smoothed, longest=longest)
    expected = naive(rows, count, smoothed, longest)
    assert [moment[:2] for moment in found] == [moment[:2] for moment in expected]
    assert [moment.score for moment in found] == pytest.approx([moment.score for moment in expected])


@given(scores, st.integers(1, 9))
def test_smoothing_is_the_mean_of_the_seconds_around(rows, seconds):
    first = (seconds - 1) // 2
    padded = [rows[0]] * first + rows + [rows[-1]] * (seconds // 2)
    expected = [statistics.mean(padded[place : place + seconds]) for place in range(len(rows))]
    assert smooth(np.array(rows), seconds) == pytest.approx(expected)


@given(scores)
def test_moments_do_not_overlap_and_come_best_first(rows):
    found = find_moments(rows, count=40)
    assert found
    by_time = sorted(found)
    assert all(one.end <= other.start for one, other in itertools.pairwise(by_time))
    assert [moment.score for moment in found] == sorted((m.score for m in found), reverse=True)
    for start, end, score in found:
        assert 0 <= start < end <= len(rows)
        assert score == pytest.approx(smooth(np.array(rows))[int(start) : int(end)].max())


def test_two_events_are_two_moments_and_noise_between_them_is_the_third():
    rows = np.zeros(60)
    rows[10:16], rows[40:44], rows[30] = 2.0, 3.0, 0.5
    first, second, third = find_moments(rows, count=3)
    assert first == Moment(40, 44, 3.0)
    assert second == Moment(10, 16, 2.0)
    assert third[:2] == (29, 32)  # smoothed over 3 seconds, one second is three


def test_a_single_second_by_chance_is_no_match_for_a_stretch():
    rows = np.zeros(40)
    rows[5], rows[20:25] = 1.5, 1.0
    assert find_moments(rows, count=1)[0][:2] == (20, 25)


def test_a_video_that_matches_throughout_is_one_moment_of_bounded_length():
    assert find_moments(np.full(20, 0.1)) == [Moment(0, 20, pytest.approx(0.1))]
    assert find_moments(np.full(100, 0.1)) == [Moment(0, 30, pytest.approx(0.1))]
    assert find_moments([0.3]) == [Moment(0, 1, 0.3)]


@pytest.mark.parametrize("rows", [[], [[1.0, 2.0]], [1.0, float("nan")], [float("inf")]])
def test_scores_that_are_no_row_of_finite_numbers_are_refused(rows):
    with pytest.raises(DataError, match="a finite number per second"):
        find_moments(rows)


def test_numbers_that_are_not_positive_are_refused():
    with pytest.raises(ConfigError, match="count and longest must be at least 1; given are 0 and 30"):
        find_moments([1.0], count=0)
    with pytest.raises(ConfigError, match="At least 1 second"):
        find_moments([1.0], smoothed=0)
