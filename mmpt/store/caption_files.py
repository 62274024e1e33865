"""Caption files: JSON, and clean captions as the original's pickle or as JSON lines.

=========  ==========================================================================
``.json``  ``{video_id: {"start": [...], "end": [...], "text": [...]}}`` (HowTo100M)
``.jsonl`` one line per video: ``{"video_id": ..., "start": [...], "end": [...], "text": [...]}``
``.pkl``   ``{video_id: JSON string of {"start", "end", "text"}}``, read without running code (the original)
=========  ==========================================================================
"""

import json
import os
import pickle
import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, TextIO

from mmpt.errors import DataError
from mmpt.store.captions import Caption, clean_captions, to_columns
from mmpt.store.safe_pickle import read_pickle
from mmpt.utils.files import atomic_write, unreadable

__all__ = ["CaptionFile", "find_captions", "read_captions", "write_captions"]

CHUNK = 1 << 20
"""Characters read at a time."""

_NOT_SPACE = re.compile(r"\S")


def find_captions(path: str | os.PathLike[str]) -> Path:
    """Return ``path``, or the ``.jsonl`` or ``.pkl`` file of the same name if only that exists.

    Raises:
        DataError: If none exists.
    """
    path = Path(path)
    candidates = [path, path.with_suffix(".jsonl"), path.with_suffix(".pkl")]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    other = next(each.name for each in candidates if each != path)
    raise DataError(
        f"The caption file {path} does not exist, nor {other} beside it. Make it from "
        "raw_caption.json with: python -m mmpt.processors.dedupprocessor --how2dir FOLDER"
    )


def read_captions(path: str | os.PathLike[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (video id, ``{"start", "end", "text"}``) of every video; JSON is read piece by piece.

    Raises:
        DataError: If the file cannot be opened, is damaged, or of another kind.
    """
    path = Path(path)
    readers = {".json": _read_json, ".jsonl": _read_lines, ".pkl": _read_pickle}
    if path.suffix not in readers:
        raise DataError(f"The caption file {path} ends in '{path.suffix}'; known are {', '.join(readers)}.")
    try:
        for video_id, columns in readers[path.suffix](path):
            if not isinstance(video_id, str):
                raise DataError(f"The file {path} has the video id {video_id!r}; ids are text.")
            yield video_id, columns
    except OSError as error:
        raise unreadable(path, error) from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"The file {path} is not UTF-8 text ({error.reason}); convert it to UTF-8."
        ) from error
    except RecursionError as error:
        raise DataError(f"The file {path} is no caption file: its values are nested too deep.") from error


def write_captions(path: str | os.PathLike[str], videos: Iterable[tuple[str, list[Caption]]]) -> int:
    """Write a ``.pkl`` or ``.jsonl`` file, atomically and one video at a time; return the number of videos.

    Raises:
        DataError: If the name ends in neither.
    """
    write = {".pkl": _write_pickle, ".jsonl": _write_lines}.get(Path(path).suffix)
    if write is None:
        raise DataError(f"The caption file {path} cannot be written: its name must end in .pkl or .jsonl.")
    with atomic_write(path) as stream:
        return write(stream, videos)


def _write_lines(stream: IO[bytes], videos: Iterable[tuple[str, list[Caption]]]) -> int:
    count = 0
    for video_id, captions in videos:
        record = {"video_id": video_id, **to_columns(captions)}
        stream.write(f"{json.dumps(record, ensure_ascii=False, allow_nan=False)}\n".encode())
        count += 1
    return count


def _write_pickle(stream: IO[bytes], videos: Iterable[tuple[str, list[Caption]]]) -> int:
    """Write what ``pickle.dump`` of the whole dictionary would, without holding it in memory."""
    count = 0
    stream.write(pickle.PROTO + bytes([4]) + pickle.EMPTY_DICT)
    for video_id, captions in videos:
        for text in (video_id, json.dumps(to_columns(captions), ensure_ascii=False, allow_nan=False)):
            encoded = text.encode()
            stream.write(pickle.BINUNICODE8 + struct.pack("<Q", len(encoded)) + encoded)
        stream.write(pickle.SETITEM)
        count += 1
    stream.write(pickle.STOP)
    return count


class CaptionFile(Mapping[str, list[Caption]]):
    """The captions of all videos of a file; each video's are parsed when they are asked for.

    Args:
        path: A caption file, see :func:`find_captions`.

    Raises:
        DataError: If the file cannot be read.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = find_captions(path)
        # Text takes a fifth of the memory of parsed lists.
        self._records = {video_id: json.dumps(columns) for video_id, columns in read_captions(self.path)}

    def columns(self, video_id: str) -> Any:
        """Return what the file holds of a video, as it stands there: ``{"start", "end", "text"}``."""
        return json.loads(self._records[video_id])

    def __getitem__(self, video_id: str) -> list[Caption]:
        return clean_captions(video_id, self.columns(video_id), self.path)

    def __contains__(self, video_id: object) -> bool:
        return video_id in self._records

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)


def _read_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with open(path, encoding="utf-8") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                record = json.loads(line)
                video_id = record.pop("video_id")
            except (ValueError, KeyError, AttributeError, TypeError) as error:
                raise DataError(
                    f"Line {number} of {path} is no caption record ({type(error).__name__}: {error}); "
                    'expected is {"video_id": ..., "start": [...], "end": [...], "text": [...]}.'
                ) from error
            yield video_id, record


def _read_pickle(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    content = read_pickle(path)
    if not isinstance(content, dict):
        raise DataError(
            f"The pickle {path} holds a {type(content).__name__}; {{video_id: JSON}} is expected."
        )
    for video_id, text in content.items():
        try:
            yield video_id, json.loads(text)
        except (TypeError, ValueError) as error:
            raise DataError(f"The captions of '{video_id}' in {path} are not JSON ({error}).") from error


def _read_json(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read ``{key: value, ...}`` one pair at a time: the file of HowTo100M does not fit in memory."""
    with open(path, encoding="utf-8") as stream:
        scanner = _Scanner(stream, path)
        scanner.take("{")
        if scanner.peek() == "}":
            return
        while True:
            video_id = scanner.value('"')
            scanner.take(":")
            yield video_id, scanner.value("{")
            if scanner.take(",}") == "}":
                return


class _Scanner:
    """Takes JSON values off a stream, reading more when a value is not complete yet."""

    def __init__(self, stream: TextIO, path: Path) -> None:
        self._stream, self._path = stream, path
        self._text, self._position = "", 0
        self._decoder = json.JSONDecoder()

    def peek(self) -> str:
        """Return the next character that is not white space, or nothing at the end."""
        while True:
            match = _NOT_SPACE.search(self._text, self._position)
            if match:
                self._position = match.start()
                return match[0]
            self._text, self._position = self._stream.read(CHUNK), 0
            if not self._text:
                return ""

    def take(self, allowed: str) -> str:
        """Step over the next character, which must be one of ``allowed``."""
        found = self.peek()
        if not found or found not in allowed:
            raise DataError(
                f"The file {self._path} is not a JSON object of videos: '{found or 'the end'}' stands where "
                f"'{allowed}' is expected; it may be truncated."
            )
        self._position += 1
        return found

    def value(self, first: str) -> Any:
        """Return the next value, which must begin with ``first``."""
        self.take(first)
        start = self._position - 1
        while True:
            try:
                value, self._position = self._decoder.raw_decode(self._text, start)
                return value
            except json.JSONDecodeError as error:
                # Reading as much again as there is keeps the number of retries logarithmic.
                more = self._stream.read(max(CHUNK, len(self._text) - start))
                if not more:
                    raise DataError(
                        f"The file {self._path} is damaged or truncated near "
                        f"'{self._text[start : start + 40]}' ({error})."
                    ) from error
                self._text, start = self._text[start:] + more, 0
