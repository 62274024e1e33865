"""What became of the videos of an extraction: counted by each worker, added up over all."""

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from mmpt.errors import DataError
from mmpt.utils.files import read_json, write_json

__all__ = ["REPORT_NAME", "ExtractionReport", "merge_parts", "part_name"]

REPORT_NAME = "extraction_report.json"
NOTABLE = 0.1
"""Share of its time that an encoder waits for frames from which on decoding is called the limit."""


@dataclass
class ExtractionReport:
    """What became of the videos."""

    done: int = 0
    """Videos whose features were made now."""
    skipped: int = 0
    """Videos whose features were there, or were made by others in the meantime."""
    failed: dict[str, str] = field(default_factory=dict)
    """Video id -> why it has no features."""
    video_seconds: float = 0
    """Seconds of the videos that were done."""
    wall_seconds: float = 0.0
    """Time taken; of parts, the longest."""
    encoding_seconds: float = 0.0
    """Time in which encoders worked, added up over all."""
    waiting_seconds: float = 0.0
    """Time in which they waited for frames."""

    @property
    def limit(self) -> str:
        """Whether decoding or encoding was the limit, and by how much; nothing if nothing was encoded."""
        if not self.encoding_seconds:
            return ""
        waited = self.waiting_seconds / (self.encoding_seconds + self.waiting_seconds)
        part = "decoding" if waited >= NOTABLE else "encoding"
        return f"{part} is the limit: the encoder waited for frames {waited:.0%} of the time"

    def add(self, other: Self) -> None:
        """Add the counts of another worker or part."""
        self.done += other.done
        self.skipped += other.skipped
        self.failed |= other.failed
        self.video_seconds += other.video_seconds
        self.wall_seconds = max(self.wall_seconds, other.wall_seconds)
        self.encoding_seconds += other.encoding_seconds
        self.waiting_seconds += other.waiting_seconds

    def save(self, path: Path, facts: dict[str, Any], temporary: Path | None = None) -> None:
        """Write the report after some facts, such as how the features were made."""
        values = {
            name: round(value, 3) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }
        write_json(path, {**facts, **values, "limit": self.limit}, temporary)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a report.

        Raises:
            DataError: If the file is damaged or foreign.
        """
        values = read_json(path)
        try:
            return cls(**{name: values[name] for name in cls.__dataclass_fields__})
        except (TypeError, KeyError) as error:
            raise DataError(f"The file {path} is no report of an extraction; remove it.") from error


def part_name(part: int, of: int) -> str:
    """Return the name of the report of one part, such as ``extraction_report.3-of-8.json``."""
    return f"extraction_report.{part}-of-{of}.json"


def merge_parts(folder: Path, of: int, facts: dict[str, Any]) -> tuple[ExtractionReport, list[int]]:
    """Add up the reports of the parts that have one, write the sum as ``extraction_report.json``.

    Every part does so when it is done; the last one has all. Two that end together both look again
    after writing, so that none is lost.

    Returns:
        The sum, and the numbers of the parts without a report.
    """
    while True:
        before = _stamps(folder, of)
        total = ExtractionReport()
        for part in before:
            total.add(ExtractionReport.load(folder / part_name(part, of)))
        # What another run has made since then is no failure any more.
        total.failed = {
            name: why for name, why in total.failed.items() if not os.path.exists(folder / f"{name}.npy")
        }
        missing = sorted(set(range(of)) - before.keys())
        total.save(folder / REPORT_NAME, {**facts, "parts": of, "parts_without_report": missing})
        if _stamps(folder, of) == before:
            return total, missing


def _stamps(folder: Path, of: int) -> dict[int, int]:
    paths: Iterable[tuple[int, Path]] = ((part, folder / part_name(part, of)) for part in range(of))
    return {part: path.stat().st_mtime_ns for part, path in paths if path.exists()}
