"""Learned temperature and sigmoid loss, with the arithmetic shown, and what they leave as it was."""

import math

import pytest
import torch
from torch.nn import functional

from mmpt.config import LossConfig
from mmpt.losses import MMContraLoss, MMSigmoidLoss, T2VContraLoss, V2TContraLoss

CONTRASTIVE = [MMContraLoss, MMSigmoidLoss, T2VContraLoss, V2TContraLoss]


@pytest.fixture
def pairs():
    torch.manual_seed(0)
    return {"pooled_video": torch.randn(3, 4), "pooled_text": torch.randn(3, 4)}


@pytest.mark.parametrize("loss", CONTRASTIVE)
def test_a_loss_without_configuration_is_the_one_with_defaults(loss, pairs):
    assert loss()(**pairs) == loss(LossConfig())(**pairs)


@pytest.mark.parametrize("loss", [MMContraLoss, T2VContraLoss, V2TContraLoss])
def test_nothing_is_learned_unless_a_temperature_is_given(loss):
    assert not list(loss().parameters())
    assert dict(loss(LossConfig(temperature=0.07)).named_parameters()).keys() == {"logit_scale"}


def test_scores_are_divided_by_the_temperature(pairs):
    loss = V2TContraLoss(LossConfig(temperature=0.5))
    scores = pairs["pooled_video"] @ pairs["pooled_text"].t() / 0.5
    expected = functional.cross_entropy(scores, torch.arange(3))
    torch.testing.assert_close(loss(**pairs), expected)


def test_a_temperature_of_one_starts_as_the_loss_without_it_and_learns(pairs):
    loss = MMContraLoss(LossConfig(temperature=1.0))
    value = loss(**pairs)
    torch.testing.assert_close(value, MMContraLoss()(**pairs))
    value.backward()
    assert loss.logit_scale.grad.abs() > 0


def test_the_scale_ends_at_one_hundred_and_can_come_back(pairs):
    loss = V2TContraLoss(LossConfig(temperature=0.01))
    with torch.no_grad():
        loss.logit_scale += 3  # what a large update may do
    scores = 100 * pairs["pooled_video"] @ pairs["pooled_text"].t()
    value = loss(**pairs)
    torch.testing.assert_close(value, functional.cross_entropy(scores, torch.arange(3)))
    assert loss.logit_scale.item() == pytest.approx(math.log(100))
    value.backward()
    assert loss.logit_scale.grad.abs() > 0


def test_the_sigmoid_loss_asks_of_every_pair_whether_it_matches():
    # Scores 1, 0 / 0, 1; scale 2 and bias -1 make logits 1, -1 / -1, 1. A match loses log(1 + e^-1), a
    # pair that is none log(1 + e^-1) as well: 4 of them over 2 pairs.
    loss = MMSigmoidLoss(LossConfig(temperature=0.5, bias=-1.0))
    value = loss(pooled_video=torch.eye(2), pooled_text=torch.eye(2))
    assert value.item() == pytest.approx(4 * math.log(1 + math.exp(-1)) / 2)


def test_the_sigmoid_loss_starts_and_learns_as_in_its_paper(pairs):
    loss = MMSigmoidLoss()
    assert loss.logit_scale.exp().item() == pytest.approx(10)
    assert loss.logit_bias.item() == -10
    loss(**pairs).backward()
    assert all(parameter.grad.abs() > 0 for parameter in loss.parameters())


def test_the_sigmoid_loss_is_the_same_for_both_directions(pairs):
    swapped = {"pooled_video": pairs["pooled_text"], "pooled_text": pairs["pooled_video"]}
    torch.testing.assert_close(MMSigmoidLoss()(**pairs), MMSigmoidLoss()(**swapped))
