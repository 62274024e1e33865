"""Configuration: YAML files -> layers (``includes``) -> one mapping -> typed sections.

Every step is a pure function in its own file: ``yamlfile`` reads, ``includes`` merges, ``project``
expands, ``schema`` types, ``validate`` checks, ``derive`` computes what the launcher needs.
"""

from mmpt.config.schema import (
    DatasetConfig,
    EvalConfig,
    ExtractorConfig,
    LossConfig,
    ModelConfig,
    ProjectConfig,
    TaskConfig,
)
from mmpt.config.task import load_task

__all__ = [
    "DatasetConfig",
    "EvalConfig",
    "ExtractorConfig",
    "LossConfig",
    "ModelConfig",
    "ProjectConfig",
    "TaskConfig",
    "load_task",
]
