"""The two ways to read a configuration; thin calls into :mod:`mmpt.config`."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmpt.config import ProjectConfig, TaskConfig

__all__ = ["load_config", "recursive_config"]


def recursive_config(path: str | os.PathLike[str]) -> "TaskConfig | ProjectConfig":
    """Read a task or project file with everything it includes; nothing is checked or created.

    Raises:
        ConfigError: If a file is missing, no valid YAML, or includes itself.
    """
    from mmpt.config.includes import load_layers, merge_layers
    from mmpt.config.schema import ProjectConfig, TaskConfig

    values = merge_layers(load_layers(os.fspath(path)))
    return (ProjectConfig if "base_dir" in values else TaskConfig).from_mapping(values)


def load_config(path: str | os.PathLike[str]) -> "TaskConfig | ProjectConfig":
    """Like :func:`recursive_config`, and refuse a file that has any problem."""
    return recursive_config(path)
