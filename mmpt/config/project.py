"""Projects: one file that expands to many task files.

Comes in: a project file (it has ``base_dir``). Goes out: for every file in the ``task_list`` of every
group the layers of that task: the template ``projects/<base_dir>/<file>`` with what it includes, then
the group's other keys; in every text ``runs/<base_dir>`` becomes ``runs/<project_dir>``, and ``data``
becomes ``<data_dir>`` if the project has one. Nothing is
written here, so a task that is not on disk yet can be used all the same (:func:`task_layers`).
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from mmpt.config.includes import Layer, load_layers, merge_layers
from mmpt.config.schema import ProjectConfig
from mmpt.config.typecheck import suggest
from mmpt.errors import ConfigError

__all__ = ["PROJECTS", "expand", "find_project", "is_project", "load_project", "task_layers"]

PROJECTS = "projects"
"""Folder of all projects and templates, relative to the working directory."""
DATA = "data"
"""Folder of all data in the shipped templates."""


def is_project(path: str | os.PathLike[str]) -> bool:
    """Return whether ``path`` is a project file (it has ``base_dir``); a missing file is not one."""
    return os.path.exists(path) and "base_dir" in merge_layers(load_layers(os.fspath(path)))


def load_project(path: str) -> ProjectConfig:
    """Read and check a project file.

    Raises:
        ConfigError: If the file is no project or its own keys (not those of its tasks) are wrong.
    """
    values = merge_layers(load_layers(path))
    problems = _problems(values)
    if problems:
        raise ConfigError("\n".join(f"{path}: {problem}" for problem in problems))
    return ProjectConfig.from_mapping(values)


def expand(path: str) -> dict[str, list[Layer]]:
    """Return the layers of every task of a project, by file name, in the order of the groups.

    Raises:
        ConfigError: If the project or a template cannot be read.
    """
    project = load_project(path)
    return {file: _expand_task(path, project, file) for file in _groups(project)}


def _groups(project: ProjectConfig) -> dict[str, str]:
    """Return the group of every task file."""
    return {file: name for name, group in project.task_group.items() for file in group["task_list"]}


def _expand_task(path: str, project: ProjectConfig, file: str, above: Sequence[str] = ()) -> list[Layer]:
    if path in above:
        raise ConfigError(f"The base_dir of these projects leads in a circle: {' -> '.join([*above, path])}.")
    group = _groups(project)[file]
    changes = {key: value for key, value in project.task_group[group].items() if key != "task_list"}
    try:
        template = _layers(f"{PROJECTS}/{project.base_dir}/{file}", [*above, path])
    except ConfigError as error:
        raise ConfigError(f"{path}: task_group.{group}: {file}: {error}") from error
    moves = {f"runs/{project.base_dir}": f"runs/{project.project_dir}", DATA: project.data_dir}
    return [
        replace(layer, values=_move(layer.values, moves))
        for layer in [*template, Layer(path, changes, f"task_group.{group}.")]
    ]


def task_layers(path: str | os.PathLike[str]) -> list[Layer]:
    """Return the layers of a task file: those on disk, or else those its project expands to.

    A file on disk wins, so that an expanded task may be edited by hand.

    Raises:
        ConfigError: If the file neither exists nor belongs to a project.
    """
    return _layers(os.fspath(path), [])


def _layers(name: str, above: Sequence[str]) -> list[Layer]:
    """Return what :func:`task_layers` does; ``above`` are the projects that this task is the template of."""
    if Path(name).exists():
        return load_layers(name)
    owner = find_project(name)
    if owner is None:
        raise ConfigError(
            f"The task file {name} does not exist, and no file in {PROJECTS}/ expands to it "
            f"(working directory: {Path.cwd()})."
        )
    project = load_project(owner)
    file = Path(name).name
    if file not in _groups(project):
        raise ConfigError(f"The project {owner} has no task '{file}'{suggest(file, _groups(project))}")
    return _expand_task(owner, project, file, above)


def find_project(task: str) -> str | None:
    """Return the project file whose tasks are expanded into the folder of ``task``, or None."""
    folder = Path(os.path.relpath(Path(task).parent, PROJECTS)).as_posix()
    says_so = re.compile(rf"^project_dir:\s*['\"]?{re.escape(folder)}/?['\"]?\s*(#.*)?$", re.MULTILINE)
    for path in sorted(Path(PROJECTS).rglob("*.yaml")):
        if path.is_file() and says_so.search(path.read_text(encoding="utf-8", errors="replace")):
            return path.as_posix()
    return None


def _move(value: Any, moves: Mapping[str, str]) -> Any:
    """Return ``value`` with the folders at the start of any text replaced."""
    if isinstance(value, Mapping):
        return {key: _move(each, moves) for key, each in value.items()}
    if isinstance(value, list):
        return [_move(each, moves) for each in value]
    if isinstance(value, str):
        for folder, target in moves.items():
            if value == folder or value.startswith(f"{folder}/"):
                return target + value[len(folder) :]
    return value


def _problems(values: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a project's own keys, one sentence each."""
    if "base_dir" not in values:
        return ["base_dir: is missing, so this is a task file and not a project."]
    found = []
    keys = ProjectConfig.keys()
    found += [f"{key}: is no key of a project{suggest(key, keys)}" for key in values if key not in keys]
    for key in ("project_dir", "base_dir"):
        given = values.get(key)
        if not _is_inside(given):
            found.append(f"{key}: must be a folder below {PROJECTS}/, got {given!r}.")
    if not isinstance(values.get("data_dir", DATA), str):
        found.append(f"data_dir: must be a folder, got {values['data_dir']!r}.")
    if values["base_dir"] == values.get("project_dir"):
        found.append("project_dir: must differ from base_dir, or the templates would be overwritten.")
    groups = values.get("task_group")
    if not isinstance(groups, Mapping) or not groups:
        return [*found, f"task_group: must be a mapping of group names to groups, got {groups!r}."]
    return found + _group_problems(groups) + _stage_problems(values.get("run_task"), groups)


def _group_problems(groups: Mapping[str, Any]) -> list[str]:
    found = []
    owner: dict[str, str] = {}
    for name, group in groups.items():
        files = group.get("task_list") if isinstance(group, Mapping) else None
        if not isinstance(files, list) or not all(_is_inside(file) and "/" not in file for file in files):
            found.append(f"task_group.{name}.task_list: must be a list of file names, got {files!r}.")
            continue
        for file in files:
            if file in owner:
                found.append(f"task_group.{name}.task_list: '{file}' is in group '{owner[file]}' already.")
            owner[file] = name
    return found


def _stage_problems(stages: Any, groups: Mapping[str, Any]) -> list[str]:
    if stages is None:
        return []
    if not isinstance(stages, list):
        return [f"run_task: must be a list of file names and lists of file names, got {stages!r}."]
    known = [
        str(file)
        for group in groups.values()
        if isinstance(group, Mapping) and isinstance(group.get("task_list"), list)
        for file in group["task_list"]
    ]
    found = []
    for file in [each for stage in stages for each in (stage if isinstance(stage, list) else [stage])]:
        if file not in known:
            found.append(f"run_task: '{file}' is in no task_list{suggest(str(file), known)}")
    return found


def _is_inside(path: Any) -> bool:
    """Return whether ``path`` is a relative path that does not lead upwards."""
    parts = PurePosixPath(path).parts if isinstance(path, str) else ()
    return bool(parts) and ".." not in parts and parts[0] != "/"
