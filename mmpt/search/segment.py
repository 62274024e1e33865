"""A segment: the vectors of some videos, written once.

``<name>.safetensors`` holds float16 vectors, the videos one after the other::

    seconds  (S, D)   one per second        seconds_of  (V + 1,)  where those of video v begin
    clips    (C, D)   means of seconds      clips_of    (V + 1,)  likewise
    videos   (V, D)   likewise

``<name>.json`` says which videos these are; ``<name>-guess.safetensors``, which an index of more than a
million seconds has, finds seconds without looking at all (:mod:`mmpt.search.guess`).

A reader maps the vectors into memory and holds a shared lock on them; a file that a reader of any process
holds is not removed.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from mmpt.errors import DataError
from mmpt.search.guess import Guess, has_faiss
from mmpt.search.manifest import DAMAGED, FileRecord, SegmentRecord
from mmpt.utils.files import read_json, share_by_umask

__all__ = ["FEATURES", "SEGMENTS", "Segment", "VideoEntry", "VideoVectors", "remove_unused", "write_segment"]

FEATURES, SEGMENTS = "features", "segments"
_ROUNDED = 1.001
"""A mean of vectors is no longer than the longest of them, apart from its rounding to float16."""


@dataclass(frozen=True)
class VideoEntry:
    """A video of the index."""

    id: str
    """The file's name without suffix, with something added if another video has that."""
    path: str
    """The file, absolute."""
    seconds: int
    size: int
    """Bytes of the file when it was indexed."""
    mtime_ns: int
    """When it was changed last, as of then."""
    sha256: str
    """Checksum of the file."""
    features: str = ""
    """Checksum of :attr:`feature_file`; nothing while it is not known."""

    @property
    def feature_file(self) -> str:
        """Where in the index the features are: named by the content of the video."""
        return f"{FEATURES}/{self.sha256[:32]}.npy"


class VideoVectors(NamedTuple):
    """A video and its vectors, on their way into a segment."""

    entry: VideoEntry
    seconds: torch.Tensor
    """float16 (T, D)"""


@dataclass(frozen=True)
class Segment:
    """A segment that is open for reading."""

    record: SegmentRecord
    entries: tuple[VideoEntry, ...]
    seconds: torch.Tensor
    clips: torch.Tensor
    videos: torch.Tensor
    seconds_of: np.ndarray
    clips_of: np.ndarray
    guess: Guess | None
    _lock: "_SharedLock"

    @classmethod
    def open(cls, folder: Path, record: SegmentRecord) -> Self:
        """Map a segment into memory.

        Raises:
            FileNotFoundError: If it is not there; a writer may have replaced it.
            DataError: If it is not what the manifest says.
        """
        vectors, names, *guess = (folder / file.path for file in record.files)
        lock = _SharedLock(vectors)
        for file in record.files:
            if (folder / file.path).stat().st_size != file.bytes:
                raise DataError(
                    f"The file {folder / file.path} has not the {file.bytes} bytes that it had; {DAMAGED}"
                )
        try:
            with safe_open(vectors, "pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            entries = tuple(VideoEntry(**each) for each in read_json(names))
            return cls(
                record,
                entries,
                seconds=tensors["seconds"],
                clips=tensors["clips"],
                videos=tensors["videos"],
                seconds_of=tensors["seconds_of"].numpy(),
                clips_of=tensors["clips_of"].numpy(),
                guess=Guess.load(guess[0], record.longest) if guess and has_faiss() else None,
                _lock=lock,
            )
        except (SafetensorError, TypeError, KeyError) as error:
            raise DataError(f"The segment {vectors} cannot be read ({error}); {DAMAGED}") from error

    @cached_property
    def kept(self) -> list[int]:
        """Return the positions of the videos that are in the index."""
        removed = set(self.record.removed)
        return [position for position in range(len(self.entries)) if position not in removed]

    def of(self, position: int) -> VideoVectors:
        """Return a video with its vectors."""
        return VideoVectors(
            self.entries[position],
            self.seconds[self.seconds_of[position] : self.seconds_of[position + 1]],
        )

    def clips_at(self, position: int) -> torch.Tensor:
        """Return the clips of a video, float16 (C, D)."""
        return self.clips[self.clips_of[position] : self.clips_of[position + 1]]


def write_segment(
    folder: Path, name: str, videos: Sequence[VideoVectors], clip_seconds: int
) -> SegmentRecord:
    """Write a segment and return its record for the manifest.

    Args:
        folder: Of the index.
        name: A new name.
        videos: At least one.
        clip_seconds: Seconds in a clip.
    """
    (folder / SEGMENTS).mkdir(exist_ok=True)
    files = [f"{SEGMENTS}/{name}.safetensors", f"{SEGMENTS}/{name}.json"]
    clips = [video.seconds.split(clip_seconds) for video in videos]
    tensors = {
        "seconds": torch.cat([video.seconds for video in videos]),
        "clips": torch.stack([_mean(clip) for of_video in clips for clip in of_video]),
        "videos": torch.stack([_mean(video.seconds) for video in videos]),
        "seconds_of": _starts(len(video.seconds) for video in videos),
        "clips_of": _starts(map(len, clips)),
    }
    save_file(tensors, folder / files[0])
    share_by_umask(folder / files[0])
    with open(folder / files[1], "w", encoding="utf-8") as stream:
        json.dump([asdict(video.entry) for video in videos], stream, indent=1)
    for file in files:
        _to_disk(folder / file)
    _to_disk(folder / SEGMENTS)
    return SegmentRecord(
        name,
        len(videos),
        len(tensors["seconds"]),
        len(tensors["clips"]),
        float(tensors["seconds"].float().norm(dim=1).max()) * _ROUNDED,
        tuple(FileRecord.of(folder, file) for file in files),
    )


def remove_unused(folder: Path, used: Iterable[FileRecord]) -> None:
    """Remove files of segments that nobody needs: the manifest does not name them, no reader holds them."""
    for path in (folder / SEGMENTS).glob(".*"):  # safetensors writes such a file, then renames it
        path.unlink()
    names = {Path(file.path).stem for file in used}
    for name in {path.stem for path in (folder / SEGMENTS).glob("*")} - names:
        vectors = folder / SEGMENTS / f"{name}.safetensors"
        vectors.touch()  # that of a killed writer may be missing
        with open(vectors, "rb+") as file, suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            vectors.with_suffix(".json").unlink(missing_ok=True)
            vectors.unlink()


class _SharedLock:
    """A lock on a file that any number of readers hold; given up when nobody refers to it."""

    def __init__(self, path: Path) -> None:
        self._file = open(path, "rb")  # noqa: SIM115
        with suppress(OSError):  # a file system without locks; most keep a file while it is mapped
            fcntl.flock(self._file, fcntl.LOCK_SH)


def _mean(seconds: torch.Tensor) -> torch.Tensor:
    return seconds.float().mean(0).half()


def _starts(lengths: Iterable[int]) -> torch.Tensor:
    return torch.tensor([0, *accumulate(lengths)])


def _to_disk(path: Path) -> None:
    file: Any = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
