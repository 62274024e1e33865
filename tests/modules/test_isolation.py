"""Masks of the joint model, written out."""

import torch

from mmpt.modules.isolation import isolated_pairs, joint_layer_masks


def test_isolated_layers_let_each_group_see_only_itself():
    # [CLS] v1 v2 [SEP] w1 w2
    expected = [
        [1, 0, 0, 0, 0, 0],
        [0, 1, 1, 1, 0, 0],
        [0, 1, 1, 1, 0, 0],
        [0, 1, 1, 1, 0, 0],
        [0, 0, 0, 0, 1, 1],
        [0, 0, 0, 0, 1, 1],
    ]
    assert torch.equal(isolated_pairs(num_video=2, length=6), torch.tensor(expected).bool())


def test_only_the_first_layers_are_isolated_and_padding_is_hidden_in_all():
    mask = torch.tensor([[True, True, False, True, True, False]])
    first, last = joint_layer_masks(mask, num_video=2, num_layers=2, num_iso_layer=1, dtype=torch.float32)
    assert first[0, 0, 4].tolist() == [-10000, -10000, -10000, -10000, 0, -10000]
    assert last.expand(1, 1, 6, 6)[0, 0, 4].tolist() == [0, 0, -10000, 0, 0, -10000]
