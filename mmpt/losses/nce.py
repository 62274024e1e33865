"""Contrastive losses: every other pair of the batch is a negative (VideoCLIP, equations 1 to 3).

Two keys of ``loss:`` widen what a batch is and how scores are scaled, both off by default:
``gather`` takes the pairs of all workers as negatives, ``temperature`` learns a scale of the scores.
"""

import math
from abc import ABC, abstractmethod

import torch
from torch import nn
from torch.nn import functional

from mmpt.config.schema import LossConfig
from mmpt.losses.gather import Pairs, gather_pairs, own_pairs
from mmpt.losses.loss import Loss

__all__ = ["NCE", "ContrastiveLoss", "MMContraLoss", "T2VContraLoss", "V2TContraLoss"]

MAX_LOGIT_SCALE = math.log(100)
"""Scores are multiplied by 100 at most (CLIP, Radford et al. 2021, section 2.5)."""


class NCE(Loss):
    """Cross entropy of a score matrix against its diagonal."""

    def forward(self, align_scores: torch.Tensor) -> torch.Tensor:
        """Return the loss of scores (B, B) whose matching pairs are on the diagonal."""
        targets = torch.arange(len(align_scores), device=align_scores.device)
        return functional.cross_entropy(align_scores, targets)


class ContrastiveLoss(Loss, ABC):
    """Base of the losses on pairs: subclasses say what the rows of one worker lose.

    Args:
        config: The section ``loss``; None stands for its defaults.
    """

    def __init__(self, config: LossConfig | None = None) -> None:
        super().__init__(config)
        self.logit_scale: nn.Parameter | None = None
        """Logarithm of what scores are multiplied by, (1,), if it is learned."""
        if self.config.temperature is not None:
            # Not of shape (): fairseq's legacy_ddp cannot reduce a single parameter without dimensions.
            self.logit_scale = nn.Parameter(torch.tensor([-math.log(self.config.temperature)]))

    def forward(
        self, pooled_video: torch.Tensor, pooled_text: torch.Tensor, ignored: bool = False
    ) -> torch.Tensor:
        """Return the loss of (B, D) and (B, D), paired by row.

        Validation does not gather: its loss should not depend on the number of workers.

        Args:
            pooled_video: Vectors of the videos.
            pooled_text: Vectors of the texts.
            ignored: Whether the batch only stands in for one that this worker does not have.
        """
        if self.logit_scale is not None:
            # As CLIP: what an update moved beyond the limit is put back, and learns on from there.
            self.logit_scale.data.clamp_(max=MAX_LOGIT_SCALE)
        if self.config.gather and self.training:
            pairs = gather_pairs(pooled_video, pooled_text, ignored)
        else:
            pairs = own_pairs(pooled_video, pooled_text)
        return pairs.weight * self.sum_of_rows(pairs)

    @abstractmethod
    def sum_of_rows(self, pairs: Pairs) -> torch.Tensor:
        """Return the sum of what the worker's own pairs lose."""

    def scores(self, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        """Return the dot products of (B, D) and (N, D), (B, N), times the learned scale if there is one."""
        scores = rows @ columns.t()
        if self.logit_scale is None:
            return scores
        return scores * self.logit_scale.float().exp()

    def find(self, rows: torch.Tensor, columns: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the summed cross entropy of finding each row's match among the columns."""
        return functional.cross_entropy(self.scores(rows, columns), targets, reduction="sum")


class V2TContraLoss(ContrastiveLoss):
    """For each video, find its text."""

    def sum_of_rows(self, pairs: Pairs) -> torch.Tensor:
        """See :meth:`ContrastiveLoss.sum_of_rows`."""
        return self.find(pairs.video, pairs.all_text, pairs.targets)


class T2VContraLoss(ContrastiveLoss):
    """For each text, find its video."""

    def sum_of_rows(self, pairs: Pairs) -> torch.Tensor:
        """See :meth:`ContrastiveLoss.sum_of_rows`."""
        return self.find(pairs.text, pairs.all_video, pairs.targets)


class MMContraLoss(ContrastiveLoss):
    """The sum of both directions: the loss of VideoCLIP."""

    def sum_of_rows(self, pairs: Pairs) -> torch.Tensor:
        """See :meth:`ContrastiveLoss.sum_of_rows`."""
        return self.find(pairs.video, pairs.all_text, pairs.targets) + self.find(
            pairs.text, pairs.all_video, pairs.targets
        )
