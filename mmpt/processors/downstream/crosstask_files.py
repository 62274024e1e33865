"""The files of CrossTask (Zhukov et al., CVPR 2019).

``videos.csv`` and ``videos_val.csv``: rows ``task,video,url``. ``tasks_primary.txt`` and
``tasks_related.txt``: blocks of six lines, id, title, url, number of steps, the steps joined by commas,
an empty line. ``annotations/<task>_<video>.csv``: rows ``step,start,end``, the step counted from 1,
the times in seconds; a step may happen several times or never.
"""

import csv
import os
from pathlib import Path
from typing import NamedTuple

from mmpt.errors import DataError
from mmpt.processors.textfiles import seconds_of
from mmpt.utils.files import read_text

__all__ = ["StepSpan", "annotation_file", "read_annotation"]


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
