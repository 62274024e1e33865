"""The two ways to read a configuration; thin calls into :mod:`mmpt.config`."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmpt.config import ProjectConfig, TaskConfig

__all__ = ["load_config", "recursive_config"]

# mmpt.config is imported in the functions: it uses mmpt.utils itself.


def recursive_config(path: str | os.PathLike[str]) -> "TaskConfig | ProjectConfig":
    """Read a task or project file with everything it includes; nothing is checked or created.

    Raises:
        ConfigError: If a file is missing, no valid YAML, or includes itself.
    """
    from mmpt.config.task import read

    return read(path)


def load_config(path: str | os.PathLike[str]) -> "TaskConfig | ProjectConfig":
    """Read like :func:`recursive_config` and refuse a file that has problems, all named at once.

    Raises:
        ConfigError: If the file cannot be read or has problems.
    """
    from mmpt.config.task import check, read

    check(path)
    return read(path)
