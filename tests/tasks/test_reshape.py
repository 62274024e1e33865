"""Batches of items with clips become batches of clips."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from mmpt.tasks.reshape import flatten_clips, halves_in_turn


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


def test_candidate_texts_of_an_item_become_rows_beside_one_video():
    # 2 questions with 5 answers of 7 tokens: rows 0..4 belong to question 0.
    caps = torch.arange(2 * 5 * 7).view(2, 5, 7)
    sample = {"caps": caps, "cmasks": caps > 3, "vfeats": torch.zeros(2, 3, 8), "answers": torch.ones(2, 1)}
    batch = flatten_clips(sample)
    assert batch["caps"].shape == batch["cmasks"].shape == (10, 7)
    assert batch["caps"][7].equal(caps[1, 2])
    assert batch["vfeats"].shape == (2, 3, 8)
    assert batch["answers"].shape == (2, 1)


def test_candidate_texts_of_clips_become_rows_clip_by_clip():
    # Item b, clip s, candidate c of 2 x 3 x 4 is row (b * 3 + s) * 4 + c.
    caps = torch.arange(2 * 3 * 4 * 5).view(2, 3, 4, 5)
    sample = {"caps": caps, "cmasks": caps > 3, "vfeats": torch.zeros(2, 3, 6, 8)}
    batch = flatten_clips(sample)
    assert batch["caps"].shape == batch["cmasks"].shape == (24, 5)
    assert batch["caps"][(1 * 3 + 2) * 4 + 1].equal(caps[1, 2, 1])
    assert batch["vfeats"].shape == (6, 6, 8)


def test_texts_of_another_number_than_the_windows_stay_apart():
    # One CrossTask video: 6 windows, 3 steps, targets of 45 window seconds.
    sample = {
        "caps": torch.zeros(1, 3, 16),
        "vfeats": torch.zeros(1, 6, 8, 512),
        "vmasks": torch.zeros(1, 6, 8),
        "targets": torch.zeros(1, 45, 3),
    }
    shapes = {key: tuple(value.shape) for key, value in flatten_clips(sample).items()}
    assert shapes == {"caps": (3, 16), "vfeats": (6, 8, 512), "vmasks": (6, 8), "targets": (45, 3)}


@given(items=st.integers(1, 4), clips=st.integers(1, 5))
def test_first_halves_of_all_items_come_before_the_second_halves(items, clips):
    names = [f"{b}.{s}" for b in range(items) for s in range(clips)]
    caps = torch.arange(items * clips).view(items, clips, 1)
    sample = {"caps": caps, "vfeats": torch.zeros(items, clips, 3, 8), "video_id": names}
    batch = flatten_clips(halves_in_turn(sample))
    half = clips // 2
    first = [f"{b}.{s}" for b in range(items) for s in range(half)]
    second = [f"{b}.{s}" for b in range(items) for s in range(half, clips)]
    assert batch["video_id"] == first + second
    assert [names[row] for row in batch["caps"].flatten()] == first + second


def test_halves_of_a_batch_without_clips_do_not_exist():
    sample = {"caps": torch.zeros(2, 5), "vfeats": torch.zeros(2, 3, 8), "video_id": ["a", "b"]}
    assert halves_in_turn(sample) == sample
