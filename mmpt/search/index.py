"""An index as it is at one moment: which videos it has, and their vectors."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from mmpt.errors import DataError
from mmpt.registry import nearest
from mmpt.search.manifest import DAMAGED, MANIFEST, Manifest
from mmpt.search.reference import Reference
from mmpt.search.segment import FEATURES, Segment, VideoEntry
from mmpt.utils.files import sha256

__all__ = ["Index"]


@dataclass(frozen=True)
class Index:
    """A snapshot of an index, open for reading; what a writer changes later does not show in it."""

    folder: Path
    meta: Manifest
    """Model and files."""
    segments: tuple[Segment, ...]
    reference: Reference | None
    _stamp: tuple[int, int]

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Self:
        """Open an index; vectors are mapped into memory, not read.

        Raises:
            DataError: If there is no index, or it is damaged.
        """
        folder, before = Path(folder), -1
        while True:
            stamp = _stamp(folder)
            manifest = Manifest.load(folder)
            try:
                return cls.of(folder, manifest, stamp)
            except FileNotFoundError as error:
                # A writer has published a later state and removed files of this one.
                if manifest.generation == before:
                    raise DataError(
                        f"The index {folder} lacks the file {error.filename}; {DAMAGED}"
                    ) from error
                before = manifest.generation

    @classmethod
    def of(cls, folder: Path, manifest: Manifest, stamp: tuple[int, int] = (0, 0)) -> Self:
        """Open what a manifest says, published or not.

        Raises:
            FileNotFoundError: If a file is missing.
            DataError: If one is damaged.
        """
        segments = tuple(Segment.open(folder, record) for record in manifest.segments)
        reference = Reference.load(folder / manifest.reference.path) if manifest.reference else None
        return cls(folder, manifest, segments, reference, stamp)

    def is_current(self) -> bool:
        """Return whether this is what a writer has published last."""
        return _stamp(self.folder) == self._stamp

    @cached_property
    def videos(self) -> list[VideoEntry]:
        """All videos, sorted by id."""
        entries = [segment.entries[at] for segment in self.segments for at in segment.kept]
        return sorted(entries, key=lambda entry: entry.id)

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many videos, seconds and clips there are."""
        clips = self.meta.model.clip_seconds
        return {
            "videos": len(self.videos),
            "seconds": sum(entry.seconds for entry in self.videos),
            "clips": sum(-(-entry.seconds // clips) for entry in self.videos),
        }

    @cached_property
    def _places(self) -> dict[str, tuple[int, int]]:
        return {
            segment.entries[at].id: (number, at)
            for number, segment in enumerate(self.segments)
            for at in segment.kept
        }

    def __contains__(self, video_id: str) -> bool:
        return video_id in self._places

    def place(self, video_id: str) -> tuple[int, int]:
        """Return the number of the segment that has a video, and its position there.

        Raises:
            DataError: If there is no such video.
        """
        if video_id not in self._places:
            close = nearest(video_id, self._places)
            hint = f" Did you mean '{close}'?" if close else ""
            raise DataError(f"The index {self.folder} has no video '{video_id[:200]}'.{hint}")
        return self._places[video_id]

    def video(self, video_id: str) -> VideoEntry:
        """Return a video by its id; errors as of :meth:`place`."""
        number, position = self.place(video_id)
        return self.segments[number].entries[position]

    def checksums(self) -> dict[str, str]:
        """Return the checksums of all files, by their paths in the folder; features may be missing."""
        features = {
            entry.feature_file: entry.features
            for entry in self.videos
            if entry.features and (self.folder / entry.feature_file).exists()
        }
        return {file.path: file.sha256 for file in self.meta.files()} | features

    def verify(self) -> list[str]:
        """Read all files and compare their checksums; return what is wrong, a sentence each."""
        return [fault for each in self.checksums().items() if (fault := self._fault(*each))]

    def _fault(self, name: str, checksum: str) -> str | None:
        path = self.folder / name
        try:
            whole = sha256(path) == checksum
        except OSError as error:
            return f"The file {path} cannot be read ({error.strerror})."
        remedy = "remove it: searches do without." if name.startswith(FEATURES) else DAMAGED
        return None if whole else f"The file {path} has changed since it was written; {remedy}"


def _stamp(folder: Path) -> tuple[int, int]:
    """Return what changes whenever the manifest is replaced."""
    try:
        found = (folder / MANIFEST).stat()
    except FileNotFoundError:
        return 0, 0  # reading the manifest says what is missing
    return found.st_ino, found.st_mtime_ns
