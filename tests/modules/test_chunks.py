"""Cached gradients: chunk by chunk, with the gradient of all rows and the memory of a chunk."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from mmpt.modules.chunks import in_chunks


class Encoder(nn.Module):
    """One layer with dropout that writes down how many rows it is given."""

    def __init__(self, dropout=0.0):
        super().__init__()
        torch.manual_seed(1)
        self.layer, self.dropout = nn.Linear(4, 5), nn.Dropout(dropout)
        self.rows = []

    def forward(self, inputs, factors):
        self.rows.append(len(inputs))
        return self.dropout(self.layer(inputs)).tanh() * factors


def inputs_of(rows):
    draw = torch.Generator().manual_seed(rows)
    return torch.randn(rows, 4, generator=draw), torch.randn(rows, 1, generator=draw)


def gradients(encoder, vectors):
    """Return the gradients of a loss in which every row meets every other."""
    loss = (vectors @ vectors.t()).softmax(1).square().sum()
    encoder.zero_grad()
    loss.backward()
    return [parameter.grad for parameter in encoder.parameters()]


@given(rows=st.integers(1, 12), size=st.integers(1, 15))
def test_vectors_and_gradients_are_those_of_all_rows_at_once(rows, size):
    encoder, inputs = Encoder(), inputs_of(rows)
    vectors = in_chunks(encoder, size, *inputs)
    torch.testing.assert_close(vectors, encoder(*inputs))
    torch.testing.assert_close(gradients(encoder, vectors), gradients(encoder, encoder(*inputs)))


def test_a_chunk_is_encoded_twice_and_never_more_than_its_rows():
    encoder = Encoder()
    vectors = in_chunks(encoder, 3, *inputs_of(8))
    assert encoder.rows == [3, 3, 2]
    gradients(encoder, vectors)
    assert encoder.rows == [3, 3, 2, 2, 3, 3]  # the second pass comes from behind


@pytest.mark.parametrize("autocast", [False, True], ids=["float32", "bfloat16"])
def test_the_second_pass_drops_out_what_the_first_one_did(autocast):
    encoder, inputs = Encoder(dropout=0.5), inputs_of(8)

    def encode(run):
        torch.manual_seed(3)
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            vectors = run()
        state = torch.get_rng_state()
        found = gradients(encoder, vectors.float())
        assert torch.get_rng_state().equal(state)  # nor does it move the random numbers after it
        return found

    kept = encode(
        lambda: torch.cat([encoder(*chunk) for chunk in zip(*(x.split(3) for x in inputs), strict=True)])
    )
    cached = encode(lambda: in_chunks(encoder, 3, *inputs))
    torch.testing.assert_close(cached, kept)


def test_only_the_inputs_are_kept_between_the_passes():
    def kept(run):
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(lambda x: sizes.append(x.numel()) or x, lambda x: x):
            run()
        return sum(sizes)

    encoder, inputs = Encoder(dropout=0.5), inputs_of(64)
    size = sum(each.numel() for each in inputs)
    assert kept(lambda: in_chunks(encoder, 8, *inputs)) == size
    assert kept(lambda: encoder(*inputs)) > 2 * size
