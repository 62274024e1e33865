"""Contrastive losses: every other pair of the batch is a negative (VideoCLIP, equations 1 to 3)."""

import torch
from torch.nn import functional

from mmpt.losses.loss import Loss

__all__ = ["NCE", "MMContraLoss", "T2VContraLoss", "V2TContraLoss"]


class NCE(Loss):
    """Cross entropy of a score matrix against its diagonal."""

    def forward(self, align_scores: torch.Tensor) -> torch.Tensor:
        """Return the loss of scores (B, B) whose matching pairs are on the diagonal."""
        targets = torch.arange(len(align_scores), device=align_scores.device)
        return functional.cross_entropy(align_scores, targets)


class V2TContraLoss(NCE):
    """For each video, find its text."""

    def forward(self, pooled_video: torch.Tensor, pooled_text: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        """Return the loss of (B, D) and (B, D), paired by row."""
        return super().forward(pooled_video @ pooled_text.t())


class T2VContraLoss(NCE):
    """For each text, find its video."""

    def forward(self, pooled_video: torch.Tensor, pooled_text: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        """Return the loss of (B, D) and (B, D), paired by row."""
        return super().forward(pooled_text @ pooled_video.t())


class MMContraLoss(NCE):
    """The sum of both directions: the loss of VideoCLIP."""

    def forward(self, pooled_video: torch.Tensor, pooled_text: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        """Return the loss of (B, D) and (B, D), paired by row."""
        scores = pooled_video @ pooled_text.t()
        return super().forward(scores) + super().forward(scores.t())
