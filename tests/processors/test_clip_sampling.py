import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import naive_loader
from mmpt.errors import ConfigError
from mmpt.processors.captiontrack import CaptionTrack
from mmpt.processors.clip_sampling import ClipSampler, grow_text, grow_video, seconds_of_captions


@st.composite
def tracks(draw, most=40):
    """Captions of 1 to 9 words, in order of their start, up to 3 seconds apart and 8 long."""
    words = draw(st.lists(st.integers(1, 9), min_size=1, max_size=most))
    gaps = draw(st.lists(st.floats(0, 3, width=32), min_size=len(words), max_size=len(words)))
    lengths = draw(st.lists(st.floats(0, 8, width=32), min_size=len(words), max_size=len(words)))
    start = np.cumsum(gaps)
    text = {"start": start, "end": start + lengths, "cap": [[7] * count for count in words]}
    return text, CaptionTrack.of(text, "v")


class Coins:
    """The coins that the vectorised sampler throws for one clip, one by one."""

    def __init__(self, seed, clips, steps, clip):
        self.row = (np.random.default_rng(seed).random((clips, steps + 1)) < 0.5)[clip, 1:].tolist()

    def __call__(self):
        return self.row.pop(0)


@given(tracks(), st.integers(1, 30), st.floats(1, 60), st.integers(0, 1000), st.data())
def test_growing_all_clips_at_once_equals_growing_one_by_one(both, limit, span, seed, data):
    text, track = both
    centre = np.array(data.draw(st.lists(st.integers(0, len(track) - 1), min_size=1, max_size=4)))
    limits = np.full(len(centre), limit)
    first, last = grow_text(track, centre, limits, span, np.random.default_rng(seed))
    # 15 steps are enough if any 16 neighbouring captions hold the words, see _most_steps.
    steps = min(len(track) - 1, limit - 1)
    words = np.diff(track.offsets)
    if steps > 15 and min(words[i : i + 16].sum() for i in range(len(words) - 15)) >= limit:
        steps = 15
    for clip in range(len(centre)):
        coins = Coins(seed, len(centre), steps, clip)
        assert (first[clip], last[clip]) == naive_loader.grow_text(text, centre[clip], limit, coins, span)


@given(tracks(), st.integers(1, 30), st.integers(1, 20), st.integers(0, 1000))
def test_a_text_clip_reaches_its_limit_with_its_last_caption_or_has_all(both, limit, clips, seed):
    _, track = both
    rng = np.random.default_rng(seed)
    centre = rng.integers(0, len(track), clips)
    first, last = grow_text(track, centre, np.full(clips, limit), 256.0, rng)
    words = track.offsets[last + 1] - track.offsets[first]
    outer = np.maximum(
        track.offsets[first + 1] - track.offsets[first], track.offsets[last + 1] - track.offsets[last]
    )
    assert ((first <= centre) & (centre <= last)).all()
    assert (
        (words >= limit) | (last - first + 1 == len(track)) | (track.end[last] - track.start[first] >= 256)
    ).all()
    # Without the outermost caption that came last it was still growing.
    assert ((words - outer < limit) | (first == last)).all()


def test_a_clip_that_spans_enough_seconds_stops_growing():
    # One caption every 10 seconds: the span after k steps is 10 k + 5, and 25 is reached after two.
    start = np.arange(0.0, 1000, 10)
    track = CaptionTrack.of({"start": start, "end": start + 5, "cap": [[1]] * 100}, "v")
    first, last = grow_text(track, np.array([50, 50]), np.array([90, 90]), 25.0, np.random.default_rng(0))
    assert (last - first).tolist() == [2, 2]


@given(st.integers(1, 60), st.integers(1, 50), st.integers(0, 1000), st.data())
def test_a_video_clip_has_its_length_and_holds_its_centre(seconds, clips, seed, data):
    length = np.array(data.draw(st.lists(st.integers(1, seconds), min_size=clips, max_size=clips)))
    rng = np.random.default_rng(seed)
    centre = rng.integers(0, seconds, clips)
    begin, end = grow_video(centre, length, seconds, rng)
    assert (end - begin == length).all()
    assert ((begin >= 0) & (begin <= centre) & (centre < end) & (end <= seconds)).all()


def test_video_clips_are_distributed_as_if_grown_second_by_second():
    # Centre 2 of 12 seconds, 7 long: six coins, at most two to the left.
    # P(begin = 2) = 1/64, P(begin = 1) = 6/64, P(begin = 0) = 57/64.
    rng = np.random.default_rng(0)
    many = 64_000
    begin, _ = grow_video(np.full(many, 2), np.full(many, 7), 12, rng)
    assert np.bincount(begin).tolist() == pytest.approx([57_000, 6_000, 1_000], abs=300)
    naive = [naive_loader.grow_video(2, 7, 12, lambda: rng.random() < 0.5)[0] for _ in range(6_400)]
    assert np.bincount(naive).tolist() == pytest.approx([5_700, 600, 100], abs=100)


def test_captions_cover_the_seconds_they_touch_within_the_video():
    track = CaptionTrack.of({"start": [-0.5, 1.2, 8.9], "end": [1.1, 2.0, 30.0], "cap": [[1], [1], [1]]}, "v")
    begin, end = seconds_of_captions(track, np.array([0, 1, 2, 0]), np.array([0, 1, 2, 2]), 10)
    assert begin.tolist() == [0, 1, 8, 0]
    assert end.tolist() == [2, 2, 10, 10]


@given(tracks(), st.integers(1, 40), st.integers(0, 1000), st.booleans())
def test_clips_lie_inside_the_video_and_overlap_their_text(both, seconds, seed, overlapped):
    _, track = both
    if not (track.start < seconds).any():
        return
    track = track.within(seconds, "v")
    sampler = ClipSampler((3, 12), (2, 8) if overlapped else None)
    clips = sampler(track, seconds, 6, np.random.default_rng(seed))
    assert ((clips.begin >= 0) & (clips.begin < clips.end) & (clips.end <= seconds)).all()
    if overlapped:
        length = clips.end - clips.begin
        assert ((length >= min(2, seconds)) & (length <= 8)).all()
        # The centre lies between floor(start) and ceil(end) of the text, which is a second at least.
        floor = np.minimum(np.floor(clips.text_start), seconds - 1)
        assert (clips.begin <= np.maximum(np.ceil(clips.text_end), floor + 1)).all()
        assert (clips.end > floor).all()


def test_the_bounds_of_a_length_are_both_drawn():
    start = np.arange(50.0)
    track = CaptionTrack.of({"start": start, "end": start + 1, "cap": [[1]] * 50}, "v")
    clips = ClipSampler((2, 4), (3, 5))(track, 50, 500, np.random.default_rng(0))
    assert set(clips.last_caption - clips.first_caption + 1) == {2, 3, 4}
    assert set(clips.end - clips.begin) == {3, 4, 5}
    assert set(clips.first_caption) >= {0, 48}


@pytest.mark.parametrize("bounds", [(0, 3), (5, 4)])
def test_impossible_bounds_are_refused(bounds):
    with pytest.raises(ConfigError, match=r"The video length .*sampled_video_min_len"):
        ClipSampler((1, 2), bounds)
