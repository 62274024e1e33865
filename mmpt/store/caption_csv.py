"""Captions as a table ``video_id,start,end,text``, a row per caption, times in seconds.

The rows of a video stand together, so that a file of any size is read one video at a time. A table
without ``video_id`` is that of one video, whose id is the file's name without suffix.
"""

import csv
import os
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

from mmpt.errors import DataError
from mmpt.store.caption_format import CaptionFormat, CaptionRecord, text_of_bytes

__all__ = ["CsvTable"]

_NEEDED = ("start", "end", "text")


class CsvTable(CaptionFormat):
    """A table with a header; further columns are ignored."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path)
        with open(self.path, "rb") as stream:
            self._header = stream.readline()
        line = self._header.removeprefix(BOM_UTF8).decode("utf-8", "replace")
        names = next(csv.reader([line]), [])
        self._columns = {name.strip().lower(): place for place, name in enumerate(names)}

    def scan(self) -> Iterator[CaptionRecord]:
        """Yield the rows of every video."""
        begin = len(self._header)
        if "video_id" not in self._columns:
            yield CaptionRecord(self.path.stem, begin, self.path.read_bytes()[begin:])
            return
        self._check_columns()
        with open(self.path, "rb") as stream:
            stream.seek(begin)
            for video_id, rows in groupby(self._rows_with_ids(stream), key=lambda row: row[0]):
                content = b"".join(line for _, line in rows)
                yield CaptionRecord(video_id, begin, content)
                begin += len(content)

    def parse(self, video_id: str, content: bytes) -> Any:
        """Return the three columns; a time that is no number becomes None."""
        self._check_columns()
        start, end, text = (self._columns[name] for name in _NEEDED)
        lines = (f"{line}\n" for line in text_of_bytes(content, self.path).split("\n"))
        with self._faults_named():
            rows = [row for row in csv.reader(lines, strict=True) if row]
        if any(len(row) <= max(start, end, text) for row in rows):
            raise DataError(
                f"A row of the video '{video_id}' in {self.path} lacks columns of the header. Repair it."
            )
        return {
            "start": [_number(row[start]) for row in rows],
            "end": [_number(row[end]) for row in rows],
            "text": [row[text] for row in rows],
        }

    def _rows_with_ids(self, stream: Iterable[bytes]) -> Iterator[tuple[str, bytes]]:
        """Yield the id and the lines of every row, with the empty lines above it."""
        place = self._columns["video_id"]
        lines: list[bytes] = []
        with self._faults_named():
            for row in csv.reader(_decoded(stream, lines, self.path), strict=True):
                if row and not "".join(row[place : place + 1]):
                    raise DataError(f"The row {row} of {self.path} has no video_id. Repair it.")
                if row:
                    yield row[place], b"".join(lines)
                    lines.clear()

    def _check_columns(self) -> None:
        missing = [name for name in _NEEDED if name not in self._columns]
        if missing:
            raise DataError(
                f"The first line of {self.path} names the columns {', '.join(self._columns) or 'nothing'}; "
                f"{', '.join(missing)} is missing. Expected are start, end, text, and video_id if the file "
                "holds several videos."
            )

    @contextmanager
    def _faults_named(self) -> Iterator[None]:
        try:
            yield
        except csv.Error as error:
            raise DataError(f"The file {self.path} is no sound CSV file ({error}). Repair it.") from error


def _decoded(stream: Iterable[bytes], taken: list[bytes], path: Path) -> Iterator[str]:
    """Yield lines as text and append their bytes to ``taken``; the reader takes no line ahead of need."""
    for line in stream:
        taken.append(line)
        yield text_of_bytes(line, path)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
