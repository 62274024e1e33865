"""Why videos have no features: ``<folder>/failures/<id>.txt``, one sentence each.

A file per video, so that any number of workers can add to it at the same time and nothing is lost when
one is killed. A failure of an earlier run says nothing of this one: the video is tried again.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mmpt.errors import DataError
from mmpt.utils.files import atomic_write, read_text

__all__ = ["Failures"]


@dataclass(frozen=True)
class Failures:
    """The failures of a run.

    Args:
        features: Folder of the features.
        run: When the run began, see :class:`mmpt.store.claims.Claims`.
    """

    features: Path
    run: int

    def record(self, video_id: str, reason: str, temporary: Path) -> None:
        """Write down why a video has no features."""
        with atomic_write(self._path(video_id), "w", temporary) as stream:
            stream.write(f"{reason}\n")

    def forget(self, video_id: str) -> None:
        """Remove what an earlier run has written down of a video."""
        self._path(video_id).unlink(missing_ok=True)

    def reason(self, video_id: str) -> str | None:
        """Return why a video has failed in this run; None if it has not."""
        path = self._path(video_id)
        try:
            if path.stat().st_mtime_ns < self.run:
                return None
            return read_text(path).strip()
        except (FileNotFoundError, DataError):
            return None

    def of(self, video_ids: Iterable[str]) -> dict[str, str]:
        """Return the failures of this run among some videos: id -> reason."""
        if not self._folder.is_dir():
            return {}
        found = {path.stem for path in self._folder.glob("*.txt")}
        reasons = {video_id: self.reason(video_id) for video_id in video_ids if video_id in found}
        return {video_id: reason for video_id, reason in reasons.items() if reason is not None}

    def tidy(self) -> None:
        """Remove the folder if nothing has failed."""
        with suppress(OSError):
            self._folder.rmdir()

    @property
    def _folder(self) -> Path:
        return self.features / "failures"

    def _path(self, video_id: str) -> Path:
        return self._folder / f"{video_id}.txt"
