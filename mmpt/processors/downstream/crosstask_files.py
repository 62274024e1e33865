"""The files of CrossTask (Zhukov et al., CVPR 2019).

``videos.csv`` and ``videos_val.csv``: rows ``task,video,url``. ``tasks_primary.txt`` and
``tasks_related.txt``: blocks of six lines, id, title, url, number of steps, the steps joined by commas,
an empty line. ``annotations/<task>_<video>.csv``: rows ``step,start,end``, the step counted from 1,
the times in seconds; a step may happen several times or never.
"""

import csv
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmpt.errors import DataError
from mmpt.processors.textfiles import seconds_of
from mmpt.utils.files import read_text

__all__ = [
    "StepSpan",
    "annotation_file",
    "choose_training_videos",
    "read_annotation",
    "read_tasks",
    "read_videos",
]

_BLOCK = 5
"""Lines of a task: id, title, url, number of steps, steps."""
_SPLIT_SEED = 0


class StepSpan(NamedTuple):
    """One row of an annotation."""

    step: int
    """Number of the step, from 0."""
    start: float
    """Seconds."""
    end: float
    """Seconds."""
    line: int
    """Line of the file."""


def read_tasks(path: str) -> dict[str, list[str]]:
    """Read a list of tasks: task id -> its steps, in order.

    Raises:
        DataError: If the file is missing, a block is cut short, a step is empty, or their number is not
            the one that the file says.
    """
    lines = [line.strip() for line in read_text(path, "utf-8-sig").splitlines()]
    tasks: dict[str, list[str]] = {}
    first = 0
    while first < len(lines):
        if not lines[first]:
            first += 1
            continue
        block = lines[first : first + _BLOCK]
        where = f"the task '{block[0]}' (line {first + 1} of {path})"
        if len(block) < _BLOCK or block[0] in tasks:
            raise DataError(
                f"After {where} the lines title, url, number of steps and steps are expected, once per task."
            )
        tasks[block[0]] = _steps(block[-1], block[-2], where)
        first += _BLOCK
    return tasks


def _steps(line: str, count: str, where: str) -> list[str]:
    steps = [step.strip() for step in line.split(",")]
    if count != str(len(steps)) or not all(steps):
        raise DataError(
            f"The steps of {where} are {line!r}, and their number is {count!r}; "
            "that many names, joined by commas, are expected."
        )
    return steps


def read_videos(path: str, tasks: Collection[str]) -> dict[str, list[str]]:
    """Read a list of videos: task id -> its videos, both in the order of the file.

    Args:
        path: The file.
        tasks: The tasks that there are.

    Raises:
        DataError: If the file is missing, or a row is malformed or about an unknown task.
    """
    rows = csv.reader(read_text(path, "utf-8-sig").splitlines())
    videos: dict[str, list[str]] = {}
    for row in rows:
        if not row:
            continue
        where = f"line {rows.line_num} of {path}"
        if len(row) != 3 or not row[1]:
            raise DataError(f"The {where} is {','.join(row)!r}; 'task,video,url' is expected.")
        if row[0] not in tasks:
            raise DataError(f"The task '{row[0]}' in {where} is in neither list of tasks.")
        videos.setdefault(row[0], []).append(row[1])
    return videos


def choose_training_videos(
    videos: Mapping[str, Sequence[str]], primary: Collection[str], n_train: int
) -> dict[str, set[str]]:
    """Choose the videos for training as the original does: the same numbers from the same seed.

    Of each primary task with more than ``n_train`` videos ``n_train`` are drawn, task after task; of
    any other task all are chosen. The lists alone decide, not which features happen to be there.

    Args:
        videos: Task id -> its videos, in the order of ``videos.csv``, without those of the validation list.
        primary: Ids of the primary tasks.
        n_train: Training videos per primary task.

    Returns:
        Task id -> training videos.
    """
    rng = np.random.RandomState(_SPLIT_SEED)
    return {
        task: set(
            rng.choice(list(group), n_train, replace=False).tolist()
            if task in primary and len(group) > n_train
            else group
        )
        for task, group in videos.items()
    }


def annotation_file(folder: Path, task_id: str, video: str) -> Path:
    """Return the path of a video's annotation."""
    return folder / f"{task_id}_{video}.csv"


def read_annotation(path: str | os.PathLike[str], steps: int) -> list[StepSpan]:
    """Read the annotation of one video.

    Args:
        path: The file.
        steps: Number of steps of the task.

    Raises:
        DataError: If the file is missing, or a row is malformed or about a step that there is not.
    """
    rows = csv.reader(read_text(path, "utf-8-sig").splitlines())
    return [_span(row, steps, f"line {rows.line_num} of {path}", rows.line_num) for row in rows if row]


def _span(row: list[str], steps: int, where: str, line: int) -> StepSpan:
    if len(row) != 3:
        raise DataError(
            f"Row {','.join(row)!r} ({where}) has {len(row)} cells; 'step,start,end' is expected."
        )
    number, start, end = row
    if not number.strip().isdecimal() or not 1 <= int(number) <= steps:
        raise DataError(f"The step of {where} is {number!r}; its task has the steps 1 to {steps}.")
    span = StepSpan(int(number) - 1, seconds_of(start, "start", where), seconds_of(end, "end", where), line)
    if not 0 <= span.start <= span.end:
        raise DataError(f"The span of {where} is {start} to {end}; 0 <= start <= end is expected.")
    return span
