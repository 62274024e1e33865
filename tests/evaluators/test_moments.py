"""Moment search: windows cover the video, the best moment wins, near-duplicates are left out."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmpt.errors import DataError
from mmpt.evaluators.moments import Moment, MomentIndex, overlap, window_starts


def mean_of_each(clips):
    return torch.stack([clip.mean(0) for clip in clips])


def video(seconds, bright_from, bright_to):
    """Features (seconds, 2): (1, 0) everywhere, (0, 1) in the bright seconds."""
    rows = np.tile([1.0, 0.0], (seconds, 1))
    rows[bright_from:bright_to] = [0.0, 1.0]
    return rows


BRIGHT = np.array([0.0, 1.0])


@given(st.integers(1, 80), st.integers(1, 10), st.integers(1, 10))
def test_windows_stay_inside_and_reach_the_end(seconds, length, stride):
    starts = window_starts(seconds, length, stride)
    assert starts[0] == 0
    assert starts == sorted(set(starts))
    if seconds > length:
        assert starts[-1] + length == seconds
        assert max(np.diff(starts), default=0) <= stride


def test_the_picture_in_the_docstring():
    assert window_starts(10, 4, 4) == [0, 4, 6]


def test_the_moment_that_matches_comes_first():
    index = MomentIndex.build({"a": video(20, 9, 13), "b": video(20, 0, 0)}, mean_of_each)
    assert index.search(BRIGHT, top_k=1) == [Moment("a", 9, 13, 1.0)]


def test_shifted_copies_of_an_answer_are_left_out():
    index = MomentIndex.build({"a": video(20, 9, 13)}, mean_of_each)
    first, second = index.search(BRIGHT, top_k=2)
    # windows of 4 s shifted by 2 share 2 of 6 seconds: 0.33 is too much, by 3: 1 of 7 is not
    assert abs(first.start - second.start) == 3


def test_at_most_one_answer_per_video_when_asked():
    index = MomentIndex.build({"a": video(20, 9, 13), "b": video(20, 5, 7)}, mean_of_each)
    answers = index.search(BRIGHT, top_k=5, per_video=1)
    assert [(m.video_id, m.score) for m in answers] == [("a", 1.0), ("b", 0.5)]


@given(st.integers(0, 2**32 - 1), st.floats(0.0, 0.9))
def test_answers_are_sorted_and_never_overlap_too_much(seed, limit):
    rng = np.random.default_rng(seed)
    features = {"a": rng.normal(size=(15, 3)), "b": rng.normal(size=(3, 3))}
    answers = MomentIndex.build(features, mean_of_each, batch_size=5).search(
        rng.normal(size=3), top_k=8, max_overlap=limit
    )
    assert [m.score for m in answers] == sorted((m.score for m in answers), reverse=True)
    assert all(overlap(a, b) <= limit for i, a in enumerate(answers) for b in answers[:i])


def test_half_precision_read_only_features_and_tensors_as_queries_are_fine():
    rows = video(20, 9, 13).astype(np.float16)
    rows.flags.writeable = False
    index = MomentIndex.build({"a": rows}, mean_of_each)
    assert index.search(torch.from_numpy(BRIGHT), top_k=1) == [Moment("a", 9, 13, 1.0)]


def test_a_video_shorter_than_the_window_is_one_moment():
    index = MomentIndex.build({"a": video(3, 0, 3)}, mean_of_each, length=4)
    assert index.search(BRIGHT) == [Moment("a", 0, 3, 1.0)]


def test_moments_of_different_videos_do_not_overlap():
    assert overlap(Moment("a", 0, 4, 0), Moment("b", 0, 4, 0)) == 0.0
    assert overlap(Moment("a", 0, 4, 0), Moment("a", 2, 6, 0)) == pytest.approx(2 / 6)


@pytest.mark.parametrize(
    ("features", "message"),
    [({}, "No video was given"), ({"v7": np.zeros((0, 2))}, "video 'v7' hold no second")],
)
def test_nothing_to_search_is_an_error(features, message):
    with pytest.raises(DataError, match=message):
        MomentIndex.build(features, mean_of_each)
