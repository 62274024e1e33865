"""What a cluster is asked for: the size of a job, and the site's own settings from ``cluster.yaml``.

The file holds named groups of sbatch options, and ``default`` for jobs that name none::

    default: {partition: gpu, time: 1440}
    big: {partition: gpu, time: 4320, nodes: 4, cpus_per_task: 10, mem_gb: 480}
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmpt.config.typecheck import fits, suggest
from mmpt.config.yamlfile import read_yaml
from mmpt.errors import ConfigError

__all__ = ["CLUSTER_FILE", "GPUS", "cluster_settings"]

CLUSTER_FILE = "cluster.yaml"
GPUS = {"cpu": 0, "single": 1, "small": 2, "big": 8}
"""Size of a job -> GPUs on each of its machines."""
DEFAULT = "default"
WHOLE_NUMBERS = {"cpus_per_task", "gpus_per_node", "nodes", "time"}


def cluster_settings(name: str | None, path: str | os.PathLike[str] | None = None) -> Mapping[str, Any]:
    """Return a group of settings.

    Args:
        name: Its name, the ``slurm_config`` of a task; None: ``default``.
        path: The file; None: ``cluster.yaml``, which need not exist.

    Raises:
        ConfigError: If the file is missing or damaged, or has no such group.
    """
    if path is None and not Path(CLUSTER_FILE).exists():
        return {}
    path = path or CLUSTER_FILE
    groups = read_yaml(path)
    name = name or DEFAULT
    if name not in groups and name != DEFAULT:
        raise ConfigError(f"{path}: there is no group '{name}' of settings{suggest(name, groups)}")
    settings = groups.get(name) or {}
    if not isinstance(settings, dict):
        raise ConfigError(f"{path}: {name}: must be a mapping of sbatch options, got {settings!r}.")
    for key in sorted(WHOLE_NUMBERS & settings.keys()):
        if not fits(settings[key], int):
            unit = " (of minutes)" if key == "time" else ""
            raise ConfigError(f"{path}: {name}.{key}: must be a whole number{unit}, got {settings[key]!r}.")
    return settings
