"""Public names: those of the toolkit are where users look for them, and others are explained."""

import importlib

import pytest

from mmpt.errors import ConfigError
from mmpt.registry import Registry

PACKAGES = {
    "mmpt.models": "MMPTModel MMFusionSeparate MMFusionShare MMFusionJoint",
    "mmpt.datasets": "MMDataset",
    "mmpt.tasks": "Task VLMTask MILNCETask",
    "mmpt.losses": "Loss CrossEntropy ArgmaxCrossEntropy BCE NLGLoss MSE L1 SmoothL1 NCE "
    "T2VContraLoss V2TContraLoss MMContraLoss MILNCE",
    "mmpt.evaluators": "Evaluator Predictor RetrievalPredictor Metric RetrievalMetric",
    "mmpt.utils": "ShardedTensor load_config recursive_config set_seed",
    "mmpt.processors": "Processor MetaProcessor VideoProcessor TextProcessor Aligner CaptionDedupProcessor "
    "MFMMLMAligner How2MILNCEAligner FrameMaskingProcessor TextMaskingProcessor TextGenerationProcessor "
    "MMAttentionMask2DProcessor",
}


@pytest.mark.parametrize("package", PACKAGES)
def test_the_public_names_are_where_users_look_for_them(package):
    module = importlib.import_module(package)
    for name in PACKAGES[package].split():
        assert name in module.__all__
        assert getattr(module, name).__name__ == name


def test_a_mistyped_name_is_told_the_nearest_one():
    module, name = importlib.import_module("mmpt.processors"), "DSAlignr"
    with pytest.raises(AttributeError, match=r"no attribute 'DSAlignr'\. Did you mean 'DSAligner'\?"):
        getattr(module, name)


def test_a_config_that_is_no_dataclass_is_refused_where_its_class_is_registered():
    registry = Registry("aligner", {})
    with pytest.raises(ConfigError, match=r"The Config of 'Mine' declares its keys .* a dataclass"):

        @registry.register()
        class Mine:
            class Config:
                margin = 0.2

    assert registry.names() == []
