"""Moments of a video: the stretch that stands out is found, once, as a plain loop finds it."""

import itertools
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpt.errors import ConfigError, DataError
from mmpt.modules.moments import HEIGHT, Moment, find_moments, smooth

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
        if level[peak] < statistics.median(level) or peak in taken or len(found) == count:
            continue
        averaged = set(range(peak - before, peak - before + smoothed)) & set(range(len(rows))) - taken
        best = max(sorted(averaged), key=lambda second: rows[second])
        low = min(statistics.median(rows), rows[best])
        height = low + HEIGHT * (rows[best] - low)
        start, end = best, best + 1
        while start > 0 and rows[start - 1] >= height and start - 1 not in taken:
            start -= 1
        while end < len(rows) and rows[end] >= height and end not in taken:
            end += 1
        if end - start > longest:
            start = max(start, min(best - longest // 2, end - longest))
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
        level = smooth(np.array(rows))  # its peak is where the best second is averaged
        assert any(score == pytest.approx(each) for each in level[max(0, int(start) - 1) : int(end) + 1])


def test_two_events_are_two_moments_and_noise_between_them_is_the_third():
    rows = np.zeros(60)
    rows[10:16], rows[40:44], rows[30] = 2.0, 3.0, 0.5
    first, second, third = find_moments(rows, count=3)
    assert first == Moment(40, 44, 3.0)
    assert second == Moment(10, 16, 2.0)
    assert third == Moment(30, 31, pytest.approx(0.5 / 3))  # smoothing blurs the peak, not the borders


def test_seconds_far_below_the_best_one_are_not_part_of_its_moment():
    rows = np.zeros(30)
    rows[8:16] = 1.0, 1.9, 2.1, 3.0, 2.5, 2.0, 1.9, 1.0
    assert find_moments(rows, count=1)[0][:2] == (10, 14)  # 2 of 3 and more


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
