"""How2MILNCEAligner: short clips with the captions around them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmpt.config import DatasetConfig
from mmpt.errors import DataError
from mmpt.processors import How2MILNCEAligner
from mmpt.processors.captiontrack import CaptionTrack
from mmpt.processors.milnce import draw_seconds, nearest_captions


@pytest.fixture
def config(tiny_bert):
    return DatasetConfig(bert_name=str(tiny_bert), max_video_len=8, max_len=24, subsampling=50)


def captions(start, length=1.0):
    """Caption i is the one word 20 + i."""
    start = np.asarray(start, dtype=np.float32)
    return {"start": start, "end": start + length, "cap": 20 + np.arange(len(start), dtype=np.int32)[:, None]}


def rng(seed=0):
    return np.random.default_rng(seed)


def test_a_clip_is_four_seconds_with_four_captions(config):
    video = np.arange(40, dtype=np.float16)[:, None].repeat(2, axis=1)
    text = captions(np.arange(0, 40, 2))
    example = How2MILNCEAligner(config)(("v7", 0), video, text, rng=rng())
    assert example["caps"].shape == example["cmasks"].shape == (50, 4, 16)
    assert example["vfeats"].shape == (50, 8, 2)
    assert example["video_id"] == ["v7"] * 50
    # 3.2 seconds touch four.
    assert (example["vmasks"].sum(1) == 4).all()
    assert torch.equal(example["vfeats"][:, 0, 0].long(), example["video_start"])
    assert (example["video_end"] - example["video_start"] == 4).all()
    words = example["caps"][:, :, 2]
    assert torch.equal(words[:, 1:] - words[:, :-1], torch.ones(50, 3, dtype=torch.int64))
    # Caption i starts at second 2 i.
    assert torch.equal(example["text_start"], (words[:, 0] - 20) * 2.0)
    assert torch.equal(example["text_end"], (words[:, 3] - 20) * 2.0 + 1)
    assert len(set(example["video_start"].tolist())) > 10


def test_the_neighbours_that_add_the_least_time_are_taken():
    # From caption 2: 10-11 with 1 is 8 s, with 3 (14) 5 s; then 4 (30) adds more than 1 (3), 0 (1) follows.
    track = CaptionTrack.of(captions([1, 3, 10, 14, 30]), "v")
    assert nearest_captions(track, np.array([2, 0, 4]), 4).tolist() == [
        [0, 1, 2, 3],
        [0, 1, 2, 3],
        [1, 2, 3, 4],
    ]
    assert nearest_captions(track, np.array([2, 4]), 2).tolist() == [[2, 3], [3, 4]]


@given(
    starts=st.lists(st.floats(0, 60, width=32), min_size=1, max_size=8),
    count=st.integers(1, 5),
    seed=st.integers(0, 99),
)
def test_candidates_hold_the_drawn_caption_and_equal_growing_one_by_one(starts, count, seed):
    track = CaptionTrack.of(captions(sorted(starts), 2.0), "v")
    centres = rng(seed).integers(len(track), size=5)
    found = nearest_captions(track, centres, count)
    for row, centre in zip(found.tolist(), centres.tolist(), strict=True):
        first = last = centre
        while last - first + 1 < min(count, len(track)):
            left = track.end[last] - track.start[first - 1] if first else np.inf
            right = track.end[last + 1] - track.start[first] if last + 1 < len(track) else np.inf
            if left <= right:
                first -= 1
            else:
                last += 1
        assert row == [min(first + i, last) for i in range(count)]


@given(start=st.floats(0, 29, width=32), length=st.floats(0, 20, width=32), seconds=st.integers(1, 40))
def test_a_clip_lies_in_the_video_and_touches_its_caption_widened_to_5_seconds(start, length, seconds):
    track = CaptionTrack.of(captions([start], length), "v")
    begin, end = draw_seconds(track, np.zeros(20, dtype=np.int64), seconds, 5.0, 3.2, rng())
    assert (begin >= 0).all()
    assert (end <= seconds).all()
    assert (end - begin == min(4, seconds)).all()
    if start + length + 5 < seconds:
        middle, half = start + length / 2, max(length, 5) / 2
        assert (begin >= max(np.floor(middle - half), 0)).all()
        assert (begin <= max(middle + half - 3.2, 0)).all()


def test_a_video_with_fewer_captions_repeats_its_last(config):
    video = np.zeros((3, 2), dtype=np.float16)
    example = How2MILNCEAligner(config.replace(subsampling=2))("v", video, captions([0, 1]), rng=rng())
    assert example["caps"][:, :, 2].tolist() == [[20, 21, 21, 21]] * 2
    assert (example["vmasks"].sum(1) == 3).all()


def test_the_generator_decides_everything_and_a_video_without_captions_is_refused(config):
    video, text = np.zeros((40, 2), dtype=np.float16), captions(np.arange(0, 40, 2))
    aligner = How2MILNCEAligner(config)
    once, again, other = (aligner("v", video, text, rng=rng(seed)) for seed in (1, 1, 2))
    assert all(torch.equal(once[key], again[key]) for key in once if key != "video_id")
    assert not torch.equal(once["caps"], other["caps"])
    with pytest.raises(DataError, match=r"None of the 1 captions of video 'v9' has words and starts within"):
        aligner("v9", video, captions([50]), rng=rng())
    with pytest.raises(DataError, match=r"video 'v9' have shape \(0, 2\)"):
        aligner("v9", video[:0], text, rng=rng())
