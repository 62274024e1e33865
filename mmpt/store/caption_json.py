"""Captions as one JSON object (HowTo100M) or as JSON lines, cut into videos at the speed of memory.

``raw_caption.json`` is one line of many gigabytes. A video's object ends at the first ``}`` that is in
no string, which counting quotes tells without looking at every character.
"""

import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from mmpt.errors import DataError
from mmpt.store.caption_format import CaptionFormat, CaptionRecord, text_of_bytes, value_of_json

__all__ = ["JsonLines", "JsonObject"]

CHUNK = 1 << 20
"""Bytes read at a time."""
MAX_RECORD = 1 << 28
"""Bytes of one video's captions; where nothing ends so long, a quote or brace is missing."""

_NOT_SPACE = re.compile(rb"\S")
# A string that the data ends in counts as one: the braces in it are none.
_STRING_OR_BRACE = re.compile(rb'"(?:[^"\\]++|\\.|\\\Z)*+(?:"|\Z)|[{}]', re.DOTALL)
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_LINE_ID = re.compile(rb'\{\s*"video_id"\s*:\s*("(?:[^"\\]++|\\.)*+")')


class JsonObject(CaptionFormat):
    """``{video_id: {"start": [...], "end": [...], "text": [...]}, ...}``."""

    def scan(self) -> Iterator[CaptionRecord]:
        """Yield every video's ``{...}``."""
        with open(self.path, "rb") as stream:
            scanner = _Scanner(stream, self.path)
            scanner.take("{")
            found = scanner.take("}") if scanner.peek() == b"}" else ","
            while found == ",":
                video_id = scanner.string()
                scanner.take(":")
                yield CaptionRecord(video_id, *scanner.object())
                found = scanner.take(",}")
            scanner.end()


class JsonLines(CaptionFormat):
    """One line ``{"video_id": ..., "start": [...], "end": [...], "text": [...]}`` per video."""

    def scan(self) -> Iterator[CaptionRecord]:
        """Yield every line."""
        offset = 0
        with open(self.path, "rb") as stream:
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    yield CaptionRecord(self._video_id(number, line), offset, line)
                offset += len(line)

    def parse(self, video_id: str, content: bytes) -> Any:
        """Return the line without its id."""
        record = super().parse(video_id, content)
        return {name: record[name] for name in record if name != "video_id"}

    def _video_id(self, number: int, line: bytes) -> str:
        match = _LINE_ID.match(line)
        text = text_of_bytes(match[1] if match else line, self.path)
        try:
            video_id = value_of_json(text) if match else value_of_json(text)["video_id"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise DataError(
                f"Line {number} of {self.path} is no caption record ({type(error).__name__}: {error}); "
                'expected is {"video_id": ..., "start": [...], "end": [...], "text": [...]}.'
            ) from error
        if not isinstance(video_id, str):
            raise DataError(f"The file {self.path} has the video id {video_id!r}; ids are text.")
        return video_id


class _Scanner:
    """Takes JSON values off a stream, reading more when a value is not complete yet."""

    def __init__(self, stream: IO[bytes], path: Path) -> None:
        self._stream, self._path = stream, path
        self._data = stream.read(len(BOM_UTF8))
        self._position = len(BOM_UTF8) if self._data == BOM_UTF8 else 0
        self._before = 0
        """Bytes of the file before the data."""

    def peek(self) -> bytes:
        """Return the next byte that is not white space, or nothing at the end."""
        while True:
            match = _NOT_SPACE.search(self._data, self._position)
            if match:
                self._position = match.start()
                return match[0]
            self._position = len(self._data)
            if not self._more():
                return b""

    def take(self, allowed: str) -> str:
        """Step over the next character, which must be one of ``allowed``."""
        found = text_of_bytes(self.peek(), self._path)
        if not found or found not in allowed:
            raise DataError(
                f"The file {self._path} is not a JSON object of videos: '{found or 'the end'}' stands where "
                f"'{allowed}' is expected; it may be truncated."
            )
        self._position += 1
        return found

    def end(self) -> None:
        """Refuse anything that follows: a second object would be lost without a word."""
        if self.peek():
            raise DataError(
                f"The file {self._path} goes on after the JSON object of videos. Join the objects to one, or "
                "write JSON lines (.jsonl)."
            )

    def string(self) -> str:
        """Return the next value, which must be a string."""
        self.take('"')
        self._position -= 1
        while not (match := _STRING.match(self._data, self._position)):
            self._need_more()
        self._position = match.end()
        text = text_of_bytes(match[0], self._path)
        try:
            return str(value_of_json(text))
        except ValueError as error:
            raise DataError(f"The file {self._path} is damaged near {text[:40]} ({error}).") from error

    def object(self) -> tuple[int, bytes]:
        """Return where the next value stands, which must be an object, and its bytes."""
        self.take("{")
        self._position -= 1
        while not (end := _end_of_object(self._data, self._position)):
            self._need_more()
        begin, self._position = self._position, end
        return self._before + begin, self._data[begin:end]

    def _need_more(self) -> None:
        if len(self._data) - self._position > MAX_RECORD or not self._more():
            near = self._data[self._position : self._position + 40].decode("utf-8", "replace")
            raise DataError(f"The file {self._path} is damaged or truncated near '{near}'.")

    def _more(self) -> bool:
        """Forget what was taken and read on; return False at the end of the file."""
        rest = self._data[self._position :]
        # Reading as much again as there is keeps the number of retries logarithmic.
        new = self._stream.read(max(CHUNK, len(rest)))
        self._before += self._position
        self._data, self._position = rest + new, 0
        return bool(new)


def _end_of_object(data: bytes, begin: int) -> int:
    """Return where the object at ``begin`` ends, or 0 if that lies behind the data."""
    end = data.find(b"}", begin) + 1
    if end and _is_whole(data[begin:end]):
        return end
    depth = 0
    for match in _STRING_OR_BRACE.finditer(data, begin):
        depth += (match[0] == b"{") - (match[0] == b"}")
        if depth == 0:
            return match.end()
    return 0


def _is_whole(piece: bytes) -> bool:
    """Return whether a piece from ``{`` to ``}`` is surely one object: nothing nested, all strings closed."""
    if piece.count(b"{") > 1:
        return False
    if b"\\" in piece:
        piece = piece.replace(rb"\\", b"").replace(rb"\"", b"")
    return piece.count(b'"') % 2 == 0
