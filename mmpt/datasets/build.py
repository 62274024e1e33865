"""The one place that wires the four processors of a task to a data set."""

from typing import Any

from mmpt.catalog import ALIGNERS, META_PROCESSORS, TEXT_PROCESSORS, VIDEO_PROCESSORS
from mmpt.config import DatasetConfig, TaskConfig
from mmpt.datasets.mmdataset import MMDataset
from mmpt.errors import ConfigError
from mmpt.registry import Registry

__all__ = ["build_dataset"]


def build_dataset(config: TaskConfig, split: str, seed: int = 0) -> MMDataset:
    """Return the data set of one split.

    Args:
        config: The whole task; its ``dataset`` section names the four classes and is not changed.
        split: ``"train"``, ``"valid"`` or ``"test"``.
        seed: Seed of the run.

    Raises:
        ConfigError: If a class is not named or unknown, or a key that it needs is not set.
        DataError: If a file is missing or damaged, or the split is empty.
    """
    section = config.dataset.replace(split=split)
    return MMDataset(
        _build(META_PROCESSORS, section),
        _build(VIDEO_PROCESSORS, section),
        _build(TEXT_PROCESSORS, section),
        _build(ALIGNERS, section),
        seed=seed,
    )


def _build(registry: Registry, section: DatasetConfig) -> Any:
    name = section.get(registry.key)
    if name is None:
        raise ConfigError(f"dataset.{registry.key} is not set. Known: {', '.join(registry.names())}.")
    return registry.get(name)(section)
