"""What every kind of caption file can do: be cut into the records of videos, and read one of them.

Cutting is fast and done by one process; reading what was cut takes most of the time and is shared out.
"""

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mmpt.errors import DataError

__all__ = ["CaptionFormat", "CaptionRecord", "text_of_bytes", "value_of_json"]


class CaptionRecord(NamedTuple):
    """The captions of one video as they stand in a file."""

    video_id: str
    offset: int | None
    """Bytes of the file before them; None if they do not stand there as such (see ``caption_pickle``)."""
    content: bytes


class CaptionFormat(ABC):
    """A caption file.

    Args:
        path: The file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    @abstractmethod
    def scan(self) -> Iterator[CaptionRecord]:
        """Yield the record of every video, holding one in memory.

        Raises:
            DataError: If the file is damaged, so that what follows cannot be found.
        """

    def parse(self, video_id: str, content: bytes) -> Any:
        """Return ``{"start": [...], "end": [...], "text": [...]}`` out of a record.

        Raises:
            DataError: If the record is damaged.
        """
        text = text_of_bytes(content, self.path)
        try:
            return value_of_json(text)
        except (ValueError, RecursionError) as error:
            fault = "nested too deep" if isinstance(error, RecursionError) else error
            raise DataError(f"The captions of '{video_id}' in {self.path} are not JSON ({fault}).") from error


def text_of_bytes(content: bytes, path: Path) -> str:
    """Return UTF-8 as text.

    Raises:
        DataError: If it is not.
    """
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"The file {path} is not UTF-8 text ({error.reason}); convert it to UTF-8."
        ) from error


def value_of_json(text: str) -> Any:
    """Return the value of a JSON text; half a character, which cannot be written, becomes ``?``.

    Subtitles that were cut after a number of UTF-16 units end in such a half.
    """
    value = json.loads(text)
    if "\\ud" in text or "\\uD" in text:
        value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    return value
