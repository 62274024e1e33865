"""Losses of masked modelling, with the arithmetic shown."""

import math

import pytest
import torch

from mmpt.errors import DataError
from mmpt.losses import MFMMLM, MTM

LABELS = {"video_label": torch.tensor([[True, False]]), "text_label": torch.tensor([[-100, 1, -100]])}


def test_mfmmlm_is_the_sum_of_two_cross_entropies():
    # Frames: -log(e^2 / (e^2 + e^0)); words, label 1 of 3: -log(1/3).
    video, text = torch.tensor([[2.0, 0.0]]), torch.zeros(1, 3)
    found = MFMMLM()(video_logits=video, text_logits=text, **LABELS)
    assert found.item() == pytest.approx(math.log(1 + math.exp(-2)) + math.log(3))


def test_mtm_is_one_mean_and_words_have_one_candidate_more():
    # Frames: 2 candidates and 3 words, -log(e^2 / (e^2 + 4)); words: 3, a frame, and one zero, -log(1/5).
    video, text = torch.tensor([[2.0, 0.0, 0.0, 0.0, 0.0]]), torch.zeros(1, 4)
    found = MTM()(video_logits=video, text_logits=text, **LABELS)
    assert found.item() == pytest.approx((math.log(1 + 4 * math.exp(-2)) + math.log(5)) / 2)


@pytest.mark.parametrize("loss", [MFMMLM(), MTM()])
def test_logits_that_do_not_fit_the_labels_are_refused(loss):
    with pytest.raises(DataError, match="2 frames and 1 words; 1 frames and 1 words are masked"):
        loss(video_logits=torch.zeros(2, 5), text_logits=torch.zeros(1, 4), **LABELS)
