"""Pooling against a loop over tokens."""

import torch

from mmpt.modules.pooling import masked_mean, pool_text, pool_video


def test_the_vector_of_a_video_is_the_mean_of_its_seconds_and_its_sep():
    hidden = torch.randn(1, 7, 4)  # [CLS] v1 v2 v3 [SEP] and two tokens of text
    vmasks = torch.tensor([[True, True, False]])
    expected = (hidden[0, 1] + hidden[0, 2] + hidden[0, 4]) / 3
    torch.testing.assert_close(pool_video(hidden, vmasks)[0], expected)


def test_the_vector_of_a_text_leaves_cls_and_padding_out():
    hidden = torch.randn(1, 4, 4)  # [CLS] w1 [SEP] [PAD]
    cmasks = torch.tensor([[True, True, True, True, False]])  # [CLS] [SEP] w1 [SEP] [PAD]
    expected = (hidden[0, 1] + hidden[0, 2]) / 2
    torch.testing.assert_close(pool_text(hidden, cmasks)[0], expected)


def test_nothing_to_average_gives_zeros_and_not_nan():
    assert torch.equal(masked_mean(torch.randn(1, 3, 2), torch.zeros(1, 3).bool()), torch.zeros(1, 2))
