"""MIL-NCE: the loss of equation 1 by hand, and its limits."""

import math

import pytest
import torch

from mmpt.errors import DataError
from mmpt.losses import MILNCE, NCE


def test_two_clips_with_two_captions_each_by_hand():
    # Scores of clip 0: own 1, 2, other 0, 3. Of clip 1: other -1, 1, own 0, 1. exp summed:
    scores = [[1.0, 2.0, 0.0, 3.0], [-1.0, 1.0, 0.0, 1.0]]
    e = [[math.exp(score) for score in row] for row in scores]
    own = [e[0][0] + e[0][1], e[1][2] + e[1][3]]
    # Beside its own: the other captions for the clip, and the clip's captions for the other clip.
    other = [e[0][2] + e[0][3] + e[1][0] + e[1][1], e[1][0] + e[1][1] + e[0][2] + e[0][3]]
    expected = sum(-math.log(p / (p + n)) for p, n in zip(own, other, strict=True)) / 2
    found = MILNCE()(pooled_video=torch.eye(2), pooled_text=torch.tensor(scores).t())
    assert found.item() == pytest.approx(expected)


def test_one_clip_of_a_batch_alone_loses_nothing():
    assert MILNCE()(pooled_video=torch.ones(1, 4), pooled_text=torch.randn(3, 4)).item() == pytest.approx(0)


def test_adding_an_unlikely_candidate_changes_nothing():
    generator = torch.Generator().manual_seed(0)
    video, text = torch.randn(5, 8, generator=generator), torch.randn(5, 8, generator=generator)
    unlikely = torch.zeros(5, 9)
    unlikely[:, 8] = -1e4
    with_ninth = torch.cat([video, torch.ones(5, 1)], dim=1), torch.cat([text, torch.zeros(5, 1)], dim=1)
    one = MILNCE()(*with_ninth)
    two = MILNCE()(with_ninth[0], torch.stack([with_ninth[1], unlikely], dim=1).flatten(0, 1))
    assert two.item() == pytest.approx(one.item())


def test_with_one_candidate_it_is_a_cross_entropy_against_row_and_column_together():
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(4, 4, generator=generator)
    found = MILNCE()(pooled_video=torch.eye(4), pooled_text=scores.t())
    every = torch.cat([scores, scores.t().masked_fill(torch.eye(4, dtype=torch.bool), -torch.inf)], dim=1)
    assert found.item() == pytest.approx((every.logsumexp(1) - scores.diagonal()).mean().item())
    assert found > NCE()(scores)


def test_captions_that_do_not_divide_among_the_clips_are_refused():
    with pytest.raises(DataError, match="MILNCE got 5 captions for 2 clips"):
        MILNCE()(torch.zeros(2, 4), torch.zeros(5, 4))
