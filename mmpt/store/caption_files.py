"""Caption files of every kind, read video by video, whatever their size.

=================  ====================================================================================
``.json``          ``{video_id: {"start": [...], "end": [...], "text": [...]}}`` (HowTo100M)
``.jsonl``         one line per video: ``{"video_id": ..., "start": [...], "end": [...], "text": [...]}``
``.pkl``           ``{video_id: JSON string of {"start", "end", "text"}}``, read without running code
``.csv``           rows ``video_id,start,end,text``; without ``video_id`` the file is one video's
``.vtt``, ``.srt`` subtitles, one file per video
a folder           ``.csv``, ``.vtt`` and ``.srt`` files, in it or one level below
=================  ====================================================================================

``.pkl`` and ``.jsonl`` are also written (``mmpt.store.caption_writer``).
"""

import hashlib
import os
from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmpt.errors import DataError
from mmpt.store.caption_csv import CsvTable
from mmpt.store.caption_format import CaptionFormat, CaptionRecord
from mmpt.store.caption_json import JsonLines, JsonObject
from mmpt.store.caption_pickle import PickledJson
from mmpt.store.captions import Caption, clean_captions
from mmpt.store.subtitles import SubtitleFile
from mmpt.utils.files import sha256, unreadable

__all__ = [
    "CaptionFile",
    "caption_digest",
    "caption_paths",
    "find_captions",
    "parse_captions",
    "read_captions",
    "scan_captions",
]

FORMATS: dict[str, type[CaptionFormat]] = {
    ".json": JsonObject,
    ".jsonl": JsonLines,
    ".pkl": PickledJson,
    ".csv": CsvTable,
    ".vtt": SubtitleFile,
    ".srt": SubtitleFile,
}
IN_FOLDERS = (".csv", ".vtt", ".srt")


def find_captions(path: str | os.PathLike[str]) -> Path:
    """Return ``path``, or the ``.jsonl`` or ``.pkl`` file of the same name if only that exists.

    Raises:
        DataError: If none exists.
    """
    path = Path(path)
    candidates = [path, *(path.parent / f"{path.stem}{suffix}" for suffix in (".jsonl", ".pkl"))]
    for candidate in candidates:
        if candidate.exists():
            return candidate
    other = next(each.name for each in candidates if each != path)
    raise DataError(
        f"The caption file {path} does not exist, nor {other} beside it. Make it from "
        "raw_caption.json with: mmpt shards captions --how2dir FOLDER"
    )


def caption_paths(path: str | os.PathLike[str]) -> list[Path]:
    """Return the file, or the files of the folder in the order of their names.

    Raises:
        DataError: If the file is of no known kind, the folder has none, or there is no such folder.
    """
    path = Path(path)
    if not path.is_dir():
        if not path.suffix and not path.exists():
            raise DataError(f"There is no folder {path} with captions; check the path.")
        if path.suffix.lower() not in FORMATS:
            raise DataError(
                f"The caption file {path} ends in '{path.suffix}'; known are {', '.join(FORMATS)}."
            )
        return [path]
    entries = sorted(path.iterdir())
    files = [file for entry in entries for file in (sorted(entry.iterdir()) if entry.is_dir() else [entry])]
    kept = [file for file in files if file.suffix.lower() in IN_FOLDERS and not file.name.startswith(".")]
    if not kept:
        raise DataError(
            f"The folder {path} has no captions, nor has one level below; known are {', '.join(IN_FOLDERS)}."
        )
    return kept


def scan_captions(path: str | os.PathLike[str]) -> Iterator[tuple[Path, CaptionRecord]]:
    """Yield (file, record) of every video, unread; see :func:`parse_captions`.

    Raises:
        DataError: If a file cannot be opened, is damaged or of another kind, or a video comes twice.
    """
    seen: set[str] = set()
    for file in caption_paths(path):
        try:
            for record in FORMATS[file.suffix.lower()](file).scan():
                if record.video_id in seen:
                    raise DataError(f"The video '{record.video_id}' comes twice in {path}; take one away.")
                seen.add(record.video_id)
                yield file, record
        except OSError as error:
            raise unreadable(file, error) from error


def parse_captions(path: str | os.PathLike[str], video_id: str, content: bytes) -> Any:
    """Return ``{"start", "end", "text"}`` out of a record as it stands in the file ``path``.

    Raises:
        DataError: If it is damaged.
    """
    return FORMATS[Path(path).suffix.lower()](path).parse(video_id, content)


def read_captions(path: str | os.PathLike[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (video id, ``{"start", "end", "text"}``) of every video.

    Raises:
        DataError: As :func:`scan_captions` and :func:`parse_captions`.
    """
    for file, record in scan_captions(path):
        yield record.video_id, parse_captions(file, record.video_id, record.content)


def caption_digest(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a caption file, or of the names and contents in a folder."""
    if Path(path).is_file():
        return sha256(path)
    lines = (f"{sha256(file)}  {file.relative_to(path)}\n" for file in caption_paths(path))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


class CaptionFile(Mapping[str, list[Caption]]):
    """The captions of all videos of a file or folder; each video's are read when they are asked for.

    In memory is where they stand: about 150 bytes a video.

    Args:
        path: See :func:`find_captions`.

    Raises:
        DataError: If a file is missing, damaged or of another kind, or a video comes twice.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = find_captions(path)
        self._files: list[Path] = []
        self._numbers: dict[str, int] = {}
        self._places = array("q")
        """File, offset and length of every record."""
        self._held: dict[str, bytes] = {}
        """Records that stand in no file as such."""
        for file, record in scan_captions(self.path):
            if not self._files or self._files[-1] != file:
                self._files.append(file)
            self._numbers[record.video_id] = len(self._numbers)
            self._places.extend((len(self._files) - 1, record.offset or 0, len(record.content)))
            if record.offset is None:
                self._held[record.video_id] = record.content

    def record(self, video_id: str) -> tuple[Path, bytes]:
        """Return the file of a video's captions and what stands there.

        Raises:
            DataError: If the file became shorter or cannot be read any more.
        """
        number = 3 * self._numbers[video_id]
        file, offset, length = self._places[number : number + 3]
        path = self._files[file]
        if video_id in self._held:
            return path, self._held[video_id]
        try:
            with open(path, "rb", buffering=0) as stream:
                content = os.pread(stream.fileno(), length, offset)
        except OSError as error:
            raise unreadable(path, error) from error
        if len(content) != length:
            raise DataError(f"The file {path} has become shorter since it was opened; start again.")
        return path, content

    def columns(self, video_id: str) -> Any:
        """Return what the file holds of a video, as it stands there: ``{"start", "end", "text"}``."""
        path, content = self.record(video_id)
        return parse_captions(path, video_id, content)

    def __getitem__(self, video_id: str) -> list[Caption]:
        return clean_captions(video_id, self.columns(video_id), self.record(video_id)[0])

    def __contains__(self, video_id: object) -> bool:
        return video_id in self._numbers

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)
