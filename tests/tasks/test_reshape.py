"""Batches of items with clips become batches of clips."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from mmpt.tasks.reshape import flatten_clips


@given(items=st.integers(1, 4), clips=st.integers(1, 4))
def test_clip_s_of_item_b_becomes_row_b_times_clips_plus_s(items, clips):
    caps = torch.arange(items * clips * 5).view(items, clips, 5)
    sample = {
        "caps": caps,
        "vfeats": torch.zeros(items, clips, 3, 8),
        "video_start": caps[:, :, 0],
        "video_id": ["v"] * (items * clips),
    }
    batch = flatten_clips(sample)
    for b in range(items):
        for s in range(clips):
            assert batch["caps"][b * clips + s].equal(caps[b, s])
            assert batch["video_start"][b * clips + s] == caps[b, s, 0]
    assert batch["vfeats"].shape == (items * clips, 3, 8)
    assert batch["video_id"] == sample["video_id"]


def test_a_batch_without_clips_stays_as_it_is():
    sample = {"caps": torch.zeros(2, 5), "vfeats": torch.zeros(2, 3, 8), "video_id": ["a", "b"]}
    assert flatten_clips(sample) == sample


def test_the_sample_is_not_changed():
    sample = {"caps": torch.zeros(2, 3, 5), "vfeats": torch.zeros(2, 3, 4, 8)}
    flatten_clips(sample)
    assert sample["caps"].shape == (2, 3, 5)
