"""Features of other projects become single files, or a second-by-second view of them to be packed.

Comes in: a source in any known format (:mod:`mmpt.store.sources`). Goes out: ``<id>.npy`` files with
one row per second, and a report of what could not be converted; it resumes.
"""

import math
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mmpt.errors import DataError
from mmpt.store.npyfile import read_header
from mmpt.store.sources import SETTINGS_NAME, FeatureSource
from mmpt.utils.ahead import ahead
from mmpt.utils.files import TEMPORARY, atomic_write, read_json, write_json
from mmpt.utils.lock import exclusive
from mmpt.utils.progress import progress

__all__ = ["ConversionReport", "PerSecond", "convert_features", "per_second"]

REPORT_NAME = "conversion_report.json"


@dataclass
class ConversionReport:
    """What became of the videos of a source."""

    done: int = 0
    skipped: int = 0
    """Videos that were there from an earlier run."""
    failed: dict[str, str] = field(default_factory=dict)
    """Video id -> what is wrong with its features."""


def per_second(rows: np.ndarray, seconds: float) -> np.ndarray:
    """Return one row for every second of features that were taken every ``seconds``.

    Row i stands for the time from ``i * seconds`` on, for ``seconds``. A second has the mean of the rows
    whose middle lies in it; one without any has the row that covers its middle. The last second may be
    covered in part.

    Args:
        rows: (rows, D).
        seconds: Seconds that a row stands for; 0.5 is two rows per second.
    """
    if seconds == 1 or not len(rows):
        return rows
    count = max(1, math.ceil(len(rows) * seconds - 1e-6))
    first = np.searchsorted((np.arange(len(rows)) + 0.5) * seconds, np.arange(count + 1))
    nearest = np.minimum((np.arange(count) + 0.5) / seconds, len(rows) - 1).astype(np.int64)
    result = rows[nearest].astype(np.float32)
    filled = first[1:] > first[:-1]
    sums = np.add.reduceat(rows.astype(np.float32), first[:-1][filled])
    result[filled] = sums / np.diff(first)[filled, None]
    return result.astype(rows.dtype)


@dataclass(frozen=True)
class PerSecond:
    """A source with one row per second, made of one whose rows stand for ``seconds`` each."""

    source: FeatureSource
    seconds: float = 1.0
    made: dict[str, Any] = field(default_factory=dict)
    """How the features were made, beside what the source says."""

    def __str__(self) -> str:
        return str(self.source)

    def __iter__(self) -> Iterator[str]:
        return iter(self.source)

    def __contains__(self, video_id: object) -> bool:
        return video_id in self.source

    def shape(self, video_id: str) -> tuple[int, int]:
        """Return (seconds, D)."""
        rows, width = self.source.shape(video_id)
        return (
            rows if self.seconds == 1 or not rows else max(1, math.ceil(rows * self.seconds - 1e-6))
        ), width

    def read(self, video_id: str) -> np.ndarray:
        """Return the features, (seconds, D)."""
        return per_second(self.source.read(video_id), self.seconds)

    def settings(self) -> dict[str, Any]:
        """Return how the features were made."""
        return {**self.source.settings(), "seconds_per_row": self.seconds, **self.made}


def convert_features(
    source: FeatureSource, folder: str | os.PathLike[str], dtype: str = "float16"
) -> ConversionReport:
    """Write every video of a source to ``<folder>/<id>.npy``; an interrupted run continues.

    Beside the files stand ``extraction.json`` (how they were made) and ``conversion_report.json``.

    Args:
        source: The features.
        folder: Where the files go.
        dtype: Numbers in the files.

    Raises:
        DataError: If there are no features, the folder holds some that were made in another way, or
            another process is writing in it.
    """
    folder = Path(folder)
    if next(iter(source), None) is None:
        raise DataError(f"There are no features in {source}; check the path.")
    with exclusive(folder / ".conversion.lock", f"the features in {folder}"):
        for path in folder.iterdir():
            if TEMPORARY.fullmatch(path.name):
                path.unlink()
        _record(folder, {**source.settings(), "dtype": dtype})
        report = _convert(source, folder, dtype)
        write_json(folder / REPORT_NAME, asdict(report))
    return report


def _convert(source: FeatureSource, folder: Path, dtype: str) -> ConversionReport:
    report, ids = ConversionReport(), list(source)
    todo = [video_id for video_id in ids if not _is_whole(folder / f"{video_id}.npy")]
    report.skipped = len(ids) - len(todo)

    def convert(video_id: str) -> str | None:
        try:
            rows = _finite(source.read(video_id), dtype, video_id)
            with atomic_write(_path(folder, video_id)) as stream:
                np.save(stream, rows)
        except DataError as error:
            return str(error)
        return None

    results = ahead(convert, todo)
    for video_id, error in zip(progress(todo, "convert", unit="video"), results, strict=True):
        if error is None:
            report.done += 1
        else:
            report.failed[video_id] = error
    return report


def _path(folder: Path, video_id: str) -> Path:
    if os.sep in video_id or video_id.startswith("."):
        raise DataError(f"The id '{video_id}' cannot be the name of a file.")
    return folder / f"{video_id}.npy"


def _finite(rows: np.ndarray, dtype: str, video_id: str) -> np.ndarray:
    with np.errstate(over="ignore"):
        rows = np.ascontiguousarray(rows, dtype=dtype)
    if not np.isfinite(rows).all():
        raise DataError(
            f"The features of '{video_id}' hold NaN, infinity or numbers too large for {dtype}; "
            "with --dtype float32 larger numbers fit."
        )
    return rows


def _is_whole(path: Path) -> bool:
    try:
        return len(read_header(path).shape) == 2
    except DataError:
        return False


def _record(folder: Path, made: dict[str, Any]) -> None:
    """Keep how the features were made; refuse to mix two ways in one folder."""
    path = folder / SETTINGS_NAME
    if path.exists() and read_json(path) != made:
        raise DataError(
            f"{path} says that the features there were made in another way: {read_json(path)}, now {made}. "
            "Choose another folder."
        )
    if not path.exists() and any(folder.glob("*.npy")):
        raise DataError(f"The folder {folder} holds features of unknown making. Choose another folder.")
    write_json(path, made)
