"""Losses: modules that take named tensors and return a scalar."""

from typing import Any

from mmpt.catalog import LOSSES
from mmpt.losses.loss import BCE, L1, MSE, ArgmaxCrossEntropy, CrossEntropy, Loss, NLGLoss, SmoothL1
from mmpt.losses.masked import MFMMLM, MTM
from mmpt.losses.milnce import MILNCE
from mmpt.losses.nce import NCE, ContrastiveLoss, MMContraLoss, T2VContraLoss, V2TContraLoss
from mmpt.losses.sigmoid import MMSigmoidLoss
from mmpt.registry import unknown_attribute

__all__ = [
    "BCE",
    "L1",
    "MFMMLM",
    "MILNCE",
    "MSE",
    "MTM",
    "NCE",
    "ArgmaxCrossEntropy",
    "ContrastiveLoss",
    "CrossEntropy",
    "Loss",
    "MMContraLoss",
    "MMSigmoidLoss",
    "NLGLoss",
    "SmoothL1",
    "T2VContraLoss",
    "V2TContraLoss",
]


def __getattr__(name: str) -> Any:
    if name == "MMCriterion":  # an old public name; needs fairseq
        from mmpt.fairseq_plugin import MMCriterion

        return MMCriterion
    raise unknown_attribute(__name__, name, LOSSES)
