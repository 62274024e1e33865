"""What the server knows of an index: answers as plain JSON, and the files it may send."""

import os
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import quote

from starlette.exceptions import HTTPException

import mmpt
from mmpt.errors import DataError, MMPTError
from mmpt.search import Hit, Index, Searcher, VideoEntry
from mmpt.search.model import DEMO_KNOWS, is_demo, model_name
from mmpt.utils.logging import get_logger
from mmpt.web.media import media_type

__all__ = ["File", "Library"]

_REFRESH = 1.0
"""Seconds after which it is looked again whether a writer has published something."""

logger = get_logger(__name__)


class File(NamedTuple):
    """A file that may be sent."""

    path: str
    type: str
    """MIME type with codec."""
    status: os.stat_result


class Library:
    """An index that is searched from many threads; what a writer publishes shows within a second.

    Args:
        searcher: Looks things up.
        name: What the page calls the index.
    """

    def __init__(self, searcher: Searcher, name: str) -> None:
        self._searcher, self._name = searcher, name
        self._lock = threading.Lock()
        self._looked = time.monotonic()
        self._problem: str | None = None

    @property
    def index(self) -> Index:
        """The index as it is now; as it was before if it cannot be read any more."""
        with self._lock:
            if time.monotonic() - self._looked >= _REFRESH:
                self._refresh()
                self._looked = time.monotonic()
            return self._searcher.index

    def _refresh(self) -> None:
        try:
            self._searcher.refresh()
            self._problem = None
        except (MMPTError, OSError) as error:
            if str(error) != self._problem:
                logger.warning("The index is served as it was before: %s", error)
            self._problem = str(error)

    def info(self) -> dict[str, Any]:
        """Return what the index is: name, model, what that knows if it is little, counts, what is wrong."""
        index = self.index
        model = index.meta.model
        return {
            "name": self._name,
            "model": model_name(model),
            "identity": model.identity,
            "knows": DEMO_KNOWS if is_demo(model) else None,
            "generation": index.meta.generation,
            **index.counts,
            "problem": self._problem,
            "mmpt": mmpt.__version__,
        }

    def search(self, text: str, count: int) -> dict[str, Any]:
        """Return the moments that fit a text best, best first."""
        return {"query": text, "hits": self._hits(lambda: self._searcher.search(text, count))}

    def similar(self, video_id: str, count: int) -> dict[str, Any]:
        """Return the videos that are most like one, best first."""
        entry = self._entry(video_id)
        return {"video": _video(entry), "hits": self._hits(lambda: self._searcher.similar(video_id, count))}

    def _hits(self, look_up: Callable[[], list[Hit]]) -> list[dict[str, Any]]:
        while True:
            index = self.index
            hits = look_up()
            # Else a writer has published in between, and what was found may be gone.
            if self._searcher.index is index:
                return [_hit(index.video(hit.video_id), hit) for hit in hits]

    def videos(self, start: int, count: int) -> dict[str, Any]:
        """Return ``count`` videos from number ``start`` on, in the order of their ids."""
        videos = self.index.videos
        return {"total": len(videos), "videos": [_video(entry) for entry in videos[start : start + count]]}

    def video(self, video_id: str) -> dict[str, Any]:
        """Return one video; errors as of :meth:`file`, but for a file that is wrong: that is told."""
        return _video(self._entry(video_id))

    def file(self, video_id: str) -> File:
        """Return the file of a video, if it still is one.

        Raises:
            HTTPException: If there is no such video, or its file is gone, a link, or no video any more.
        """
        return _file(self._entry(video_id))

    def _entry(self, video_id: str) -> VideoEntry:
        index = self.index
        if video_id not in index:
            raise HTTPException(404, f"The index has no video '{video_id[:100]}'.")
        return index.video(video_id)


def _hit(entry: VideoEntry, hit: Hit) -> dict[str, Any]:
    return _video(entry, hit.start, hit.end) | {
        "score": float(f"{hit.score:.6g}"),
        "percentile": round(hit.percentile, 2),
    }


def _video(entry: VideoEntry, start: float = 0.0, end: float | None = None) -> dict[str, Any]:
    end = float(entry.seconds) if end is None else end
    address = quote(entry.id, safe="")
    try:
        file, problem = _file(entry), None
        if not _is_as_indexed(entry, file.status):
            problem = "The file has changed since it was indexed; run mmpt index again."
    except HTTPException as error:
        file, problem = None, error.detail
    return {
        "video": entry.id,
        "file": os.path.basename(entry.path),
        "seconds": entry.seconds,
        "start": start,
        "end": end,
        "source": f"/video/{address}",
        "thumbnail": f"/thumbnail/{address}/{int((start + end) / 2)}",
        "type": file.type if file else None,
        "problem": problem,
    }


def _file(entry: VideoEntry) -> File:
    name = os.path.basename(entry.path)
    try:
        status = os.stat(entry.path)
        # A link may lead where it led when the video was indexed, and nowhere else.
        is_plain = os.path.realpath(entry.path) == entry.path
    except OSError as error:
        raise HTTPException(404, f"The file {name} is gone since it was indexed.") from error
    if not is_plain and not _is_as_indexed(entry, status):
        raise HTTPException(403, f"The file {name} lies behind a link and has changed since it was indexed.")
    try:
        return File(entry.path, media_type(entry.path, status.st_mtime_ns), status)
    except DataError as error:
        raise HTTPException(415, f"The file {name} is no video that can be read.") from error


def _is_as_indexed(entry: VideoEntry, status: os.stat_result) -> bool:
    return (status.st_size, status.st_mtime_ns) == (entry.size, entry.mtime_ns)
