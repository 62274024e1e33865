"""From a path to a typed configuration: the one helper for launcher, training, evaluation, inference.

A task file that its project has not written yet is expanded in memory, and nothing is written.
"""

import os

from mmpt.config.includes import merge_layers
from mmpt.config.project import PROJECTS, is_project, load_project, task_layers
from mmpt.config.schema import ProjectConfig, TaskConfig
from mmpt.config.validate import check_file
from mmpt.errors import ConfigError
from mmpt.utils.logging import get_logger

__all__ = ["check", "load_task", "read"]

logger = get_logger(__name__)


def read(path: str | os.PathLike[str]) -> TaskConfig | ProjectConfig:
    """Read a task or project file, includes resolved and defaults filled in, unchecked.

    Raises:
        ConfigError: If a file is missing, no valid YAML, or includes itself.
    """
    if is_project(path):
        return load_project(os.fspath(path))
    try:
        return TaskConfig.from_mapping(merge_layers(task_layers(path)))
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") if str(path) not in str(error) else error from None


def check(path: str | os.PathLike[str]) -> None:
    """Refuse a file with problems, and tell of keys that may be a user's own.

    Raises:
        ConfigError: One error that lists all problems.
    """
    problems = check_file(path)
    errors = [str(problem) for problem in problems if problem.severity == "error"]
    for problem in problems:
        if problem.severity == "warning":
            logger.warning("%s", problem)
    if errors:
        count = f"{len(errors)} problem{'s' if len(errors) > 1 else ''}"
        raise ConfigError("\n  ".join([f"{path} has {count}:", *errors]))


def load_task(path: str | os.PathLike[str]) -> TaskConfig:
    """Read and check a task file.

    Raises:
        ConfigError: If it cannot be read, has problems, or is a project.
    """
    if is_project(path):  # before its tasks are looked at, which load their plugins
        project = load_project(os.fspath(path))
        files = (file for group in project.task_group.values() for file in group["task_list"])
        example = f"{PROJECTS}/{project.project_dir}/{next(files, 'TASK.yaml')}"
        raise ConfigError(f"{path} is a project; give one of its task files, such as {example}.")
    check(path)
    return TaskConfig.from_mapping(merge_layers(task_layers(path)))
