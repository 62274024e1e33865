"""Losses on the outputs of a head: classification, captioning, regression."""

from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional

from mmpt.config.schema import LossConfig
from mmpt.errors import DataError
from mmpt.types import IGNORED

__all__ = ["BCE", "L1", "MSE", "ArgmaxCrossEntropy", "CrossEntropy", "Loss", "NLGLoss", "SmoothL1"]


class Loss(nn.Module):
    """Base of all losses: ``forward`` names the tensors it reads and returns a scalar.

    A loss that is a sum may return its terms instead, name -> scalar, of those that :attr:`terms` names;
    training logs each.

    Args:
        config: The section ``loss``; None stands for its defaults.
    """

    terms: ClassVar[tuple[str, ...]] = ()
    """Names of the terms that ``forward`` may return; a batch need not have all of them."""

    def __init__(self, config: LossConfig | None = None) -> None:
        super().__init__()
        self.config = config if config is not None else LossConfig()


class CrossEntropy(Loss):
    """Cross entropy, mean over the labels that are not -100."""

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the loss of logits (..., C) and class numbers (...), int64.

        Raises:
            DataError: If there is no such class (seen on CPU only, where it costs nothing).
        """
        try:
            return functional.cross_entropy(logits.flatten(0, -2), targets.flatten(), ignore_index=IGNORED)
        except IndexError as error:
            raise DataError(
                f"The targets hold the class {int(targets.max())}, and the model knows {logits.shape[-1]} "
                "classes, from 0. Set model.num_labels to the number of classes in the data."
            ) from error


class ArgmaxCrossEntropy(Loss):
    """Cross entropy against the class with the highest target score."""

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the loss of logits (..., C) and target scores (..., C)."""
        return functional.cross_entropy(logits.flatten(0, -2), targets.argmax(-1).flatten())


class BCE(Loss):
    """Binary cross entropy with logits, mean over elements."""

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the loss of logits and targets in 0..1, with as many elements."""
        targets = targets.to(logits.dtype).reshape(logits.shape)
        return functional.binary_cross_entropy_with_logits(logits, targets)


class NLGLoss(Loss):
    """Captioning: cross entropy over the vocabulary, mean over the labels that are not -100."""

    def forward(self, logits: torch.Tensor, text_label: torch.Tensor) -> torch.Tensor:
        """Return the loss of logits and token ids (B, L), int64.

        Args:
            logits: (B, L, V), or (N, V) for the N labels that are not -100 alone.
            text_label: The right words.
        """
        labelled = text_label != IGNORED
        return functional.cross_entropy(
            logits if logits.dim() == 2 else logits[labelled], text_label[labelled]
        )


class MSE(Loss):
    """Mean squared error."""

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the loss of two tensors of the same shape."""
        return functional.mse_loss(logits, targets)


class L1(Loss):
    """Mean absolute error."""

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the loss of two tensors of the same shape."""
        return functional.l1_loss(logits, targets)


class SmoothL1(Loss):
    """Mean absolute error, squared below 1."""

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the loss of two tensors of the same shape."""
        return functional.smooth_l1_loss(logits, targets)
