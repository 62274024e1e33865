"""From a configuration to its model."""

from mmpt.catalog import MODELS
from mmpt.config import TaskConfig
from mmpt.errors import ConfigError
from mmpt.models.dualencoder import DualEncoder
from mmpt.models.mmfusion import MMFusion

__all__ = ["build_model"]


def build_model(config: TaskConfig, pretrained: bool = True) -> MMFusion:
    """Build the model that ``model.model_cls`` names, in training mode on the CPU.

    Args:
        config: The task.
        pretrained: Load the weights of ``dataset.bert_name``; False if a checkpoint is loaded next.

    Raises:
        ConfigError: If ``model_cls`` is absent or unknown.
        CheckpointError: If BERT's weights are missing or incomplete.
    """
    if config.model.model_cls is None:
        raise ConfigError(f"model.model_cls is missing. Known: {', '.join(MODELS.names())}.")
    model = MODELS.get(config.model.model_cls)(config, pretrained=pretrained)
    if config.loss.grad_cache_chunk is not None and not isinstance(model, DualEncoder):
        raise ConfigError(
            f"loss.grad_cache_chunk is set, and the model_cls '{config.model.model_cls}' is no DualEncoder: "
            "it cannot encode video and text apart. Remove the key, or derive the class from DualEncoder."
        )
    return model
