"""What has happened to the videos since they were indexed: which are new, changed, or gone."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmpt.errors import DataError
from mmpt.search.segment import VideoEntry
from mmpt.store.paths import VIDEO_SUFFIXES
from mmpt.utils.files import sha256, unreadable
from mmpt.utils.progress import progress

__all__ = ["Changes", "find_changes", "stamp_of"]


@dataclass
class Changes:
    """What is to be done to an index."""

    new: list[VideoEntry] = field(default_factory=list)
    """Videos to index, in the order of their paths, with 0 for the seconds, which are not known yet. One
    whose id is in the index replaces that one."""
    gone: list[VideoEntry] = field(default_factory=list)
    """Videos of the index, among those looked for, whose files do not exist any more."""
    unchanged: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    """Path -> why it cannot be read."""


def find_changes(videos: Sequence[str | os.PathLike[str]], indexed: Sequence[VideoEntry]) -> Changes:
    """Compare files with an index: by size and time, and only where these differ by content.

    Args:
        videos: Folders, looked into at any depth, and files. Hidden ones are passed over.
        indexed: Videos of the index.

    Raises:
        DataError: If there is no such folder or file, and never was in the index; if there is no video.
    """
    roots = [Path(os.path.abspath(video)) for video in videos]
    known = {entry.path: entry for entry in indexed}
    mine = [entry for entry in indexed if any(Path(entry.path).is_relative_to(root) for root in roots)]
    changes = Changes(gone=[entry for entry in mine if not os.path.exists(entry.path)])
    for root in roots:
        if not root.exists() and not any(Path(entry.path).is_relative_to(root) for entry in changes.gone):
            raise DataError(f"There is no folder or video {root}; check the path.")
    paths = sorted({path for root in roots for path in _files(root)})
    if not paths and not mine:
        raise DataError(
            f"There is no video in {', '.join(map(str, roots))}. Known suffixes: "
            f"{' '.join(sorted(VIDEO_SUFFIXES))}."
        )
    ids = {entry.id for entry in indexed}
    for path in progress(paths, "look for changes", unit="video"):
        entry = known.get(path)
        if entry and stamp_of(path) == (entry.size, entry.mtime_ns):
            changes.unchanged += 1
            continue
        name = entry.id if entry else _new_id(path, ids)
        ids.add(name)
        try:
            os.fspath(path).encode()
            size, mtime_ns = stamp_of(path) or (0, 0)
            changes.new.append(VideoEntry(name, path, 0, size, mtime_ns, sha256(path)))
        except UnicodeEncodeError:
            shown = os.fsencode(path).decode("utf-8", "replace")
            changes.failed[shown] = f"The name {shown} is not UTF-8; rename the file."
        except OSError as error:
            changes.failed[path] = str(unreadable(path, error))
    return changes


def stamp_of(path: str) -> tuple[int, int] | None:
    """Return size and time of change of a file, or None if it is not there."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _files(root: Path) -> Iterator[str]:
    """Yield the video files in a folder, or the file itself, whatever its suffix."""
    if root.is_file():
        yield str(root)
    seen = set()
    for folder, folders, names in os.walk(root, followlinks=True):
        if (place := os.path.realpath(folder)) in seen:  # a link that leads in a circle
            folders.clear()
            continue
        seen.add(place)
        folders[:] = _visible(folders)
        for name in _visible(names):
            if Path(name).suffix.lower() in VIDEO_SUFFIXES and os.path.isfile(path := f"{folder}/{name}"):
                yield path


def _visible(names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if not name.startswith("."))


def _new_id(path: str, taken: set[str]) -> str:
    name = Path(path).stem
    return f"{name}-{hashlib.sha256(os.fsencode(path)).hexdigest()[:8]}" if name in taken else name
