"""Padding removal: nothing real is lost, nothing padded is kept."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from mmpt.modules.packing import Packing

lengths = st.lists(st.integers(1, 7), min_size=1, max_size=5)


def mask_of(lengths):
    return torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]


@given(lengths)
def test_unpacking_what_was_packed_gives_the_padded_batch_with_zeros_at_padding(lengths):
    mask = mask_of(lengths)
    padded = torch.randn(*mask.shape, 3)
    packing = Packing.from_mask(mask)
    assert torch.equal(packing.unpack(packing.pack(padded)), padded * mask[..., None])


@given(lengths)
def test_the_packed_batch_holds_each_real_token_once_in_order(lengths):
    mask = mask_of(lengths)
    places = torch.arange(mask.numel()).view(mask.shape)
    packed = Packing.from_mask(mask).pack(places)
    assert packed.shape == (1, sum(lengths))
    assert torch.equal(packed[0], places[mask])


def test_gradients_reach_real_tokens_only():
    mask = mask_of([2, 3])
    padded = torch.ones(2, 3, 4, requires_grad=True)
    packing = Packing.from_mask(mask)
    packing.unpack(packing.pack(padded)).sum().backward()
    assert torch.equal(padded.grad, mask[..., None].expand(2, 3, 4).float())


def test_a_row_without_any_real_token_keeps_them_all():
    mask = torch.tensor([[True, False], [False, False]])
    assert Packing.from_mask(mask).index.tolist() == [0, 2, 3]


@given(lengths)
def test_a_packing_is_full_if_there_is_no_padding(lengths):
    assert Packing.from_mask(mask_of(lengths)).is_full == (len(set(lengths)) == 1)
