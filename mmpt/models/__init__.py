"""Models: encoders, their fusion, checkpoints, and :class:`MMPTModel` for inference.

fairseq imports every file of this folder, so all of them import with the core dependencies alone.
"""

from typing import Any

from mmpt.catalog import ENCODERS, MODELS
from mmpt.models.build import build_model
from mmpt.models.checkpoint import LoadReport, load_into, load_state_dict
from mmpt.models.dualencoder import MMFusionSeparate, MMFusionShare
from mmpt.models.generation import MMBertForNLG, MMFusionNLG
from mmpt.models.localization import (
    MMFusionActionLocalization,
    MMFusionSeparateActionLocalization,
    MMFusionShareActionLocalization,
)
from mmpt.models.masked import MMBertForMFMMLM, MMBertForMTM, MMFusionMFMMLM, MMFusionMTM
from mmpt.models.mmfusion import MMFusion, MMFusionJoint
from mmpt.models.mmptmodel import MMPTModel
from mmpt.models.segmentation import (
    MMBertForTokenClassification,
    MMFusionActionSegmentation,
    MMFusionSeparateActionSegmentation,
)
from mmpt.models.transformermodel import MMBertForEncoder, MMBertForJoint
from mmpt.registry import unknown_attribute

__all__ = [
    "LoadReport",
    "MMBertForEncoder",
    "MMBertForJoint",
    "MMBertForMFMMLM",
    "MMBertForMTM",
    "MMBertForNLG",
    "MMBertForTokenClassification",
    "MMFusion",
    "MMFusionActionLocalization",
    "MMFusionActionSegmentation",
    "MMFusionJoint",
    "MMFusionMFMMLM",
    "MMFusionMTM",
    "MMFusionNLG",
    "MMFusionSeparate",
    "MMFusionSeparateActionLocalization",
    "MMFusionSeparateActionSegmentation",
    "MMFusionShare",
    "MMFusionShareActionLocalization",
    "MMPTModel",
    "build_model",
    "load_into",
    "load_state_dict",
]


def __getattr__(name: str) -> Any:
    if name == "FairseqMMModel":  # an old public name; needs fairseq
        from mmpt.fairseq_plugin import FairseqMMModel

        return FairseqMMModel
    raise unknown_attribute(__name__, name, ENCODERS, MODELS)
