"""Projects on disk: writing the expanded task files, and the order in which ``--run`` runs them."""

from collections.abc import Mapping
from typing import Any

from mmpt.config.includes import merge_layers
from mmpt.config.project import PROJECTS, expand, load_project
from mmpt.config.task import check
from mmpt.config.yamlfile import dump_yaml
from mmpt.errors import ConfigError
from mmpt.utils.files import atomic_write

__all__ = ["expand_project", "stages", "write_project"]


def expand_project(path: str) -> dict[str, dict[str, Any]]:
    """Return the task files of a project, path -> content; nothing is written.

    Raises:
        ConfigError: If the project cannot be read or a task has problems.
    """
    check(path)
    folder = f"{PROJECTS}/{load_project(path).project_dir}"
    return {f"{folder}/{name}": merge_layers(layers) for name, layers in expand(path).items()}


def write_project(path: str, tasks: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the task files of the project ``path``, each as a whole or not at all."""
    for name, values in tasks.items():
        head = f"# Expanded from {path}, which overwrites it: mmpt launch {path}\n"
        with atomic_write(name, "w") as stream:
            stream.write(f"{head}# Launch: mmpt launch {name}\n{dump_yaml(dict(values))}")


def stages(path: str) -> list[list[str]]:
    """Return the task files of ``run_task``, stage by stage; those of one stage may run in parallel.

    Raises:
        ConfigError: If the project has no ``run_task``.
    """
    project = load_project(path)
    if not project.run_task:
        raise ConfigError(f"{path}: run_task: lists no stage, so there is nothing to run.")
    folder = f"{PROJECTS}/{project.project_dir}"
    return [
        [f"{folder}/{name}" for name in (stage if isinstance(stage, list) else [stage])]
        for stage in project.run_task
    ]
