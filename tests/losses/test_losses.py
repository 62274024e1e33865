"""Losses, with the arithmetic shown."""

import math

import pytest
import torch

from mmpt.errors import DataError
from mmpt.losses import (
    BCE,
    L1,
    MSE,
    NCE,
    ArgmaxCrossEntropy,
    CrossEntropy,
    MMContraLoss,
    NLGLoss,
    SmoothL1,
    T2VContraLoss,
    V2TContraLoss,
)


def test_nce_is_the_cross_entropy_of_the_diagonal():
    # Row 1: -log(e^2 / (e^2 + e^0)); row 2: -log(e^0 / (e^1 + e^0)).
    scores = torch.tensor([[2.0, 0.0], [1.0, 0.0]])
    expected = (math.log(1 + math.exp(-2)) + math.log(1 + math.e)) / 2
    assert NCE()(align_scores=scores).item() == pytest.approx(expected)


def test_the_two_directions_swap_with_the_towers_and_add_up():
    video, text = torch.randn(4, 8), torch.randn(4, 8)
    v2t = V2TContraLoss()(pooled_video=video, pooled_text=text)
    t2v = T2VContraLoss()(pooled_video=video, pooled_text=text)
    assert V2TContraLoss()(pooled_video=text, pooled_text=video) == t2v
    torch.testing.assert_close(MMContraLoss()(pooled_video=video, pooled_text=text), v2t + t2v)


def test_a_batch_of_one_pair_has_nothing_to_tell_apart():
    assert MMContraLoss()(pooled_video=torch.randn(1, 8), pooled_text=torch.randn(1, 8)) == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda logits, labels: CrossEntropy()(logits=logits, targets=labels),
        lambda logits, labels: NLGLoss()(logits=logits, text_label=labels),
    ],
)
def test_labels_of_minus_100_do_not_count(call):
    logits = torch.randn(2, 3, 5)
    labels = torch.tensor([[1, -100, 4], [-100, -100, 0]])
    rows = [(0, 0, 1), (0, 2, 4), (1, 2, 0)]
    expected = torch.stack([-logits[b, i].log_softmax(-1)[label] for b, i, label in rows]).mean()
    torch.testing.assert_close(call(logits, labels), expected)


def test_argmax_cross_entropy_takes_the_best_scored_class():
    logits = torch.randn(2, 3)
    scores = torch.tensor([[0.1, 0.7, 0.2], [0.9, 0.0, 0.1]])
    expected = CrossEntropy()(logits=logits, targets=torch.tensor([1, 0]))
    assert ArgmaxCrossEntropy()(logits=logits, targets=scores) == expected


def test_bce_is_a_mean_over_elements():
    # -log(sigmoid(0)) and -log(1 - sigmoid(0)) are both log 2.
    loss = BCE()(logits=torch.zeros(2, 2), targets=torch.tensor([[[1, 0], [0, 1]]]))
    assert loss.item() == pytest.approx(math.log(2))


@pytest.mark.parametrize(("loss", "expected"), [(MSE(), 4.625), (L1(), 1.75), (SmoothL1(), 1.3125)])
def test_regression_losses_of_errors_one_half_and_three(loss, expected):
    # (0.25 + 9) / 2; (0.5 + 3) / 2; (0.5 * 0.25 + 2.5) / 2.
    found = loss(logits=torch.tensor([0.5, 3.0]), targets=torch.zeros(2))
    assert found.item() == pytest.approx(expected)


def test_a_class_that_the_model_does_not_have_is_named():
    with pytest.raises(DataError, match=r"the class 7, and the model knows 5 classes.*model\.num_labels"):
        CrossEntropy()(logits=torch.zeros(1, 2, 5), targets=torch.tensor([[-100, 7]]))
