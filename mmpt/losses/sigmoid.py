"""The sigmoid loss of SigLIP (Zhai et al., "Sigmoid loss for language image pre-training", ICCV 2023)."""

import torch
from torch import nn
from torch.nn import functional

from mmpt.config.schema import LossConfig
from mmpt.losses.gather import Pairs
from mmpt.losses.nce import ContrastiveLoss

__all__ = ["MMSigmoidLoss"]

TEMPERATURE, BIAS = 0.1, -10.0
"""Where scale and bias start: scores are multiplied by 10, and nearly every pair counts as no match."""


class MMSigmoidLoss(ContrastiveLoss):
    """Every pair of a video and a text is a yes-or-no question (equation 1 of SigLIP).

    ``-1 / N * sum over i, j of log sigmoid(z_ij * (scale * video_i . text_j + bias))`` with z = 1 where
    i = j and -1 elsewhere. Scale and bias are learned. Made for vectors of length 1:
    ``model.normalize``.

    Args:
        config: The section ``loss``; None stands for its defaults.
    """

    def __init__(self, config: LossConfig | None = None) -> None:
        config = config if config is not None else LossConfig()
        super().__init__(config.replace(temperature=config.get("temperature", TEMPERATURE)))
        self.logit_bias = nn.Parameter(torch.tensor([config.get("bias", BIAS)]))

    def sum_of_rows(self, pairs: Pairs) -> torch.Tensor:
        """See :meth:`ContrastiveLoss.sum_of_rows`; the videos are rows, so that each pair counts once."""
        logits = self.scores(pairs.video, pairs.all_text) + self.logit_bias.float()
        signs = torch.full_like(logits, -1).scatter(1, pairs.targets[:, None], 1)
        return -functional.logsigmoid(signs * logits).sum()
