"""``index.json``: the one file that says what is in an index.

A writer adds files of segments, then replaces this file as a whole; whoever reads it sees the index
before or after, never in between. Its text is a function of what it says, so that every changed byte
shows, and it holds the checksums of all other files.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from mmpt.errors import DataError
from mmpt.utils.files import atomic_write, read_text, sha256

__all__ = ["DAMAGED", "MANIFEST", "FileRecord", "Manifest", "ModelRecord", "SegmentRecord"]

MANIFEST = "index.json"
DAMAGED = "copy the index again, or make it again in another folder."
"""What to do."""
FORMAT, VERSION = "mmpt-index", 2
"""The version counts what vectors mean, too: before 2, seconds were read in windows of ``max_video_len``."""


@dataclass(frozen=True)
class FileRecord:
    """A file of the index."""

    path: str
    """In the folder of the index."""
    bytes: int
    sha256: str

    @classmethod
    def of(cls, folder: Path, path: str) -> Self:
        """Return the record of a file that is there."""
        return cls(path, (folder / path).stat().st_size, sha256(folder / path))


@dataclass(frozen=True)
class ModelRecord:
    """The model that made the vectors; queries must come from the same."""

    task: str
    """Task file or folder that it is loaded from; nothing if it was given ready-made."""
    working_directory: str
    """Where ``task``, and what it names, was found."""
    plugins: tuple[str, ...]
    identity: str
    """What it is, and the beginning of the checksum of its weights."""
    encoder: str
    """The video encoder and the beginning of the checksum of its weights."""
    dim: int
    """Numbers in a vector."""
    clip_seconds: int
    """Seconds in a clip; the last one of a video may have fewer."""


@dataclass(frozen=True)
class SegmentRecord:
    """Some videos of the index, in files that never change."""

    name: str
    videos: int
    seconds: int
    clips: int
    longest: float
    """No vector is longer."""
    files: tuple[FileRecord, ...]
    removed: tuple[int, ...] = ()
    """Positions of videos that are in the files and no longer in the index."""


@dataclass(frozen=True)
class Manifest:
    """What is in an index."""

    model: ModelRecord
    generation: int = 0
    """Counts how often the index has changed."""
    segments: tuple[SegmentRecord, ...] = ()
    reference: FileRecord | None = None
    """What scores are compared with, see :mod:`mmpt.search.reference`."""

    def files(self) -> list[FileRecord]:
        """Return all files that belong to the index."""
        files = [file for segment in self.segments for file in segment.files]
        return [*files, self.reference] if self.reference else files

    def changed(self, **changes: Any) -> Self:
        """Return the manifest of the next generation."""
        return replace(self, generation=self.generation + 1, **changes)

    def save(self, folder: Path) -> None:
        """Publish the manifest."""
        with atomic_write(folder / MANIFEST, "w") as stream:
            stream.write(self._text())

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the manifest of an index.

        Raises:
            DataError: If there is none, or it is damaged or of another version.
        """
        path = folder / MANIFEST
        if not path.exists():
            raise DataError(
                f"There is no index in {folder} ({MANIFEST} is missing); make one: "
                f"mmpt index VIDEOS --out {folder}"
            )
        text = read_text(path)  # once: the next time it may be another state
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise _damaged(path) from error
        if not isinstance(values, dict) or values.get("format") != FORMAT:
            raise DataError(f"The file {path} is no index of mmpt; check the path.")
        if values.get("version") != VERSION:
            raise DataError(
                f"The index {folder} has version {values.get('version')}, and this mmpt reads version "
                f"{VERSION}. Make the index again in another folder, or use the mmpt that made it."
            )
        try:
            manifest = cls(
                model=ModelRecord(**values["model"] | {"plugins": tuple(values["model"]["plugins"])}),
                generation=values["generation"],
                segments=tuple(_segment(each) for each in values["segments"]),
                reference=FileRecord(**values["reference"]) if values["reference"] else None,
            )
        except (TypeError, KeyError) as error:
            raise _damaged(path) from error
        if manifest._text() != text:
            raise _damaged(path)
        return manifest

    def _text(self) -> str:
        values = {"format": FORMAT, "version": VERSION, **asdict(self)}
        checksum = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
        return json.dumps({**values, "checksum": checksum}, indent=1) + "\n"


def _segment(values: dict[str, Any]) -> SegmentRecord:
    files = tuple(FileRecord(**file) for file in values["files"])
    return SegmentRecord(**{**values, "files": files, "removed": tuple(values["removed"])})


def _damaged(path: Path) -> DataError:
    return DataError(f"The file {path} does not fit its own checksum; {DAMAGED}")
