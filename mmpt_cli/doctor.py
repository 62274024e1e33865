"""Say what a task or project needs on disk, and how it stands with each file and folder.

For each file and folder: whether it is there, whole, and fits the others; where it comes from; what to do.
Exit code 0 if all is there, 1 if something is missing or broken. Nothing is written.
"""

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mmpt.config import TaskConfig, load_task
from mmpt.config.project import PROJECTS, expand, find_project, is_project, load_project
from mmpt.config.task import read
from mmpt.doctor import Finding, inspect_task
from mmpt.utils.command import run_command
from mmpt_cli.parser import CommandParser

__all__ = ["main", "make_parser"]

_FEW = 3


def make_parser(prog: str = "mmpt doctor") -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = CommandParser(prog, __doc__, "mmpt doctor projects/mtm/vlm/test_vtt.yaml")
    parser.add_argument("task", help="task or project file, such as projects/mtm/vlm/test_vtt.yaml")
    parser.add_argument("--list", action="store_true", help="name all videos and files, not only the first")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = make_parser().parse_args(arguments)
    path = os.path.normpath(options.task)
    whole = is_project(path)
    chosen = _tasks_of(path, load_task) if whole else {path: load_task(path)}
    owner = path if whole else find_project(path)
    tasks = _tasks_of(owner, read) if owner is not None else {}
    found = {name: inspect_task(config, tasks, whole) for name, config in chosen.items()}
    for finding, needed_by in _joined(found).items():
        users = f" [{_users(needed_by, len(found))}]" if whole else ""
        print("\n".join(_lines(finding, users, options.list)))
    print(_summary(path, found, whole))
    return int(any(finding.is_fault for findings in found.values() for finding in findings))


def _tasks_of(project: str, reader: Callable[[str], Any]) -> dict[str, TaskConfig]:
    """Return the tasks of a project, by file."""
    folder = f"{PROJECTS}/{load_project(project).project_dir}"
    return {f"{folder}/{name}": reader(f"{folder}/{name}") for name in expand(project)}


def _joined(found: Mapping[str, Sequence[Finding]]) -> dict[Finding, list[str]]:
    """Return every finding once, with the tasks that have it."""
    joined: dict[Finding, list[str]] = {}
    for name, findings in found.items():
        for finding in dict.fromkeys(findings):
            joined.setdefault(finding, []).append(os.path.basename(name))
    return joined


def _users(names: Sequence[str], tasks: int) -> str:
    return "all tasks" if len(names) == tasks > 1 else ", ".join(names)


def _lines(finding: Finding, users: str, all_names: bool) -> list[str]:
    place = f"{finding.path}: " if finding.path else ""
    names = _some(finding.names, all_names)
    lines = [f"{finding.status:8s}{finding.what}{users}: {place}{finding.message}{names}"]
    if finding.is_fault:
        if finding.source and finding.source.page not in finding.todo:
            lines.append(f"{'':8s}from {finding.source}")
        lines += [f"{'':8s}next: {finding.todo}"] if finding.todo else []
    return lines


def _some(names: Sequence[str], all_names: bool) -> str:
    if not names:
        return ""
    shown = names if all_names else names[:_FEW]
    more = f" and {len(names) - len(shown)} more (--list)" if len(names) > len(shown) else ""
    return f" ({', '.join(shown)}{more})"


def _summary(path: str, found: Mapping[str, Sequence[Finding]], whole: bool) -> str:
    faults = [finding for findings in found.values() for finding in findings if finding.is_fault]
    if not faults:
        return f"{path}: all is there. Next: mmpt launch {path}{' --run' if whole else ''}"
    count = len(set(faults))
    ready = sum(not any(each.is_fault for each in findings) for findings in found.values())
    tasks = f"; {ready} of {len(found)} tasks are ready" if whole else ""
    todo = next((each.todo for each in faults if each.todo), "")
    return f"{path}: {count} fault{'s' if count > 1 else ''}{tasks}. Next: {todo}"


if __name__ == "__main__":
    run_command(main)
