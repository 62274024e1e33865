"""Writing captions: as the original's pickle or as JSON lines, one video at a time."""

import json
import os
import pickle
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from mmpt.errors import DataError
from mmpt.store.captions import Caption, to_columns
from mmpt.utils.files import atomic_write

__all__ = ["CaptionEncoding", "caption_encoding", "write_captions"]


class CaptionEncoding(NamedTuple):
    """How captions stand in a file: ``head``, every video's ``record``, ``tail``."""

    head: bytes
    record: Callable[[str, list[Caption]], bytes]
    tail: bytes


def caption_encoding(path: str | os.PathLike[str]) -> CaptionEncoding:
    """Return the encoding of a ``.pkl`` or ``.jsonl`` file.

    Raises:
        DataError: If the name ends in neither.
    """
    encoding = _ENCODINGS.get(Path(path).suffix)
    if encoding is None:
        raise DataError(f"The caption file {path} cannot be written: its name must end in .pkl or .jsonl.")
    return encoding


def write_captions(path: str | os.PathLike[str], videos: Iterable[tuple[str, list[Caption]]]) -> int:
    """Write a ``.pkl`` or ``.jsonl`` file, atomically and one video at a time; return the number of videos.

    Raises:
        DataError: If the name ends in neither.
    """
    encoding = caption_encoding(path)
    count = 0
    with atomic_write(path) as stream:
        stream.write(encoding.head)
        for video_id, captions in videos:
            stream.write(encoding.record(video_id, captions))
            count += 1
        stream.write(encoding.tail)
    return count


def _line(video_id: str, captions: list[Caption]) -> bytes:
    record = {"video_id": video_id, **to_columns(captions)}
    return f"{json.dumps(record, ensure_ascii=False, allow_nan=False)}\n".encode()


def _pickled(video_id: str, captions: list[Caption]) -> bytes:
    columns = json.dumps(to_columns(captions), ensure_ascii=False, allow_nan=False)
    return _pickled_text(video_id) + _pickled_text(columns) + pickle.SETITEM


def _pickled_text(text: str) -> bytes:
    encoded = text.encode()
    return pickle.BINUNICODE8 + struct.pack("<Q", len(encoded)) + encoded


_ENCODINGS = {
    # What ``pickle.dump`` of the whole dictionary would write, without holding it in memory.
    ".pkl": CaptionEncoding(pickle.PROTO + bytes([4]) + pickle.EMPTY_DICT, _pickled, pickle.STOP),
    ".jsonl": CaptionEncoding(b"", _line, b""),
}
