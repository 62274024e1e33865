"""What one worker does of a list of videos that it may share with others.

Comes in: the videos. Goes out: each of them with features or with a reason why not, made here or by
another worker; never by two. First all are tried that nobody has claimed. Then those are left that
others had: they are waited for, and those whose worker has died are made here, one at a time, so that
a video that ends its worker takes no others with it and is given up after :data:`ATTEMPTS`.
"""

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmpt.errors import DataError
from mmpt.store.claims import Claims, Ticket
from mmpt.store.decode import FrameDecoder
from mmpt.store.extraction_report import ExtractionReport
from mmpt.store.failures import Failures
from mmpt.store.npyfile import read_header
from mmpt.store.paths import VideoJob
from mmpt.utils.files import atomic_write
from mmpt.utils.logging import get_logger

__all__ = ["ClaimingDecoder", "TakenError", "Worklist", "is_whole", "name_problems"]

ATTEMPTS = 3
"""Workers that may end over a video in one run."""
LONGEST_NAME = 253
"""Bytes in the name of a feature file; a claim adds two, and systems allow 255."""
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 2.0
"""Seconds between two looks at what others do."""

logger = get_logger(__name__)


class TakenError(DataError):
    """The video is another worker's."""


def is_whole(path: Path) -> bool:
    """Return whether a feature file is there and undamaged."""
    try:
        return bool(read_header(path).shape)
    except DataError:
        return False


def name_problems(jobs: Iterable[VideoJob]) -> dict[str, str]:
    """Return the videos whose ids cannot be names of files: id -> what to do."""
    return {
        job.video_id: f"The name {job.feature.name} is too long for a file; rename {job.video}."
        for job in jobs
        if len(os.fsencode(job.feature.name)) > LONGEST_NAME
    }


class Worklist:
    """The videos of a worker.

    Args:
        jobs: Videos with their feature files, all in one folder.
        claims: The worker's place among the others.
        report: Where the outcome is counted.
    """

    def __init__(self, jobs: Sequence[VideoJob], claims: Claims, report: ExtractionReport) -> None:
        self._claims, self._ticket, self._report = claims, claims.ticket, report
        self._folder = jobs[0].feature.parent
        self._failures = Failures(self._folder, claims.run)
        self._open = {job.video_id: job for job in jobs if not is_whole(job.feature)}
        report.skipped += len(jobs) - len(self._open)
        report.failed |= name_problems(self._open.values())
        for video_id in report.failed:
            del self._open[video_id]

    def __len__(self) -> int:
        """Return how many videos are not settled."""
        return len(self._open)

    def rounds(self) -> Iterator[list[VideoJob]]:
        """Yield lists of videos to decode, until every video is settled."""
        if self._open:
            yield list(self._open.values())
        pause = FIRST_PAUSE
        while self._open:
            before = len(self._open)
            for job in list(self._open.values()):
                if self._is_left_over(job):
                    yield [job]
            if len(self._open) == before:
                time.sleep(pause)
            pause = FIRST_PAUSE if len(self._open) < before else min(2 * pause, LONGEST_PAUSE)

    def decoder(self, decoder: FrameDecoder, jobs: Sequence[VideoJob]) -> "ClaimingDecoder":
        """Return a decoder that claims each of some videos before it reads it."""
        odd = {os.fspath(job.video): job.video_id for job in jobs if job.video.stem != job.video_id}
        return ClaimingDecoder(self._ticket, self._failures, odd, decoder)

    def save(self, job: VideoJob, vectors: np.ndarray) -> None:
        """Write the features of a video, unless its claim was lost to another worker."""
        if not self._ticket.owns(job.video_id):
            return
        with atomic_write(job.feature, temporary=self._ticket.temporary) as stream:
            np.save(stream, vectors)
        self._failures.forget(job.video_id)
        self._report.done += 1
        self._claims.log(f"done {len(vectors)}")
        self._close(job)

    def fail(self, job: VideoJob, error: DataError) -> None:
        """Write down why a video has no features, unless another worker has it."""
        if not isinstance(error, TakenError) and _claim(self._ticket, self._failures, job.video_id):
            self._failures.record(job.video_id, str(error), self._ticket.temporary)
            self._claims.log("failed")
            self._settle(job, str(error))

    def spend(self, encoding: float, waiting: float) -> None:
        """Count seconds in which this worker's encoder worked, and waited for frames before."""
        self._report.encoding_seconds += encoding
        self._report.waiting_seconds += waiting
        self._claims.log(f"spent {encoding:.6f} {waiting:.6f}")

    def tidy(self) -> None:
        """Remove the folder of the failures if there is none."""
        self._failures.tidy()

    def _is_left_over(self, job: VideoJob) -> bool:
        """Return whether a video has to be made here; settle it if another worker has made or failed it."""
        claim = self._ticket.read(job.video_id)
        if is_whole(job.feature):
            self._report.skipped += 1
            del self._open[job.video_id]
        elif reason := self._failures.reason(job.video_id):
            self._settle(job, reason)
        elif claim is None or claim.owner == self._ticket.owner:
            return True
        elif self._claims.is_dead(job.video_id, claim) and self._claims.take_over(job.video_id, claim):
            if claim.run != self._claims.run or claim.attempt < ATTEMPTS:
                return True
            self.fail(job, DataError(f"The video {job.video} has ended {ATTEMPTS} workers that had it."))
        return False

    def _settle(self, job: VideoJob, reason: str) -> None:
        self._report.failed[job.video_id] = reason
        self._close(job)

    def _close(self, job: VideoJob) -> None:
        self._ticket.release(job.video_id)
        del self._open[job.video_id]


@dataclass(frozen=True)
class ClaimingDecoder:
    """A decoder that claims a video before it reads it; it may be sent to other processes.

    Args:
        ticket: Of the worker.
        failures: Of the run.
        names: Path of a video -> its id, where the id is not the file's name.
        decoder: What decodes.
    """

    ticket: Ticket
    failures: Failures
    names: Mapping[str, str]
    decoder: FrameDecoder

    def __call__(self, path: str | os.PathLike[str], fps: int, size: int) -> Iterator[np.ndarray]:
        """Yield the frames of a video.

        Raises:
            TakenError: If another worker has it, or has been done with it.
        """
        if not _claim(self.ticket, self.failures, self.names.get(os.fspath(path), Path(path).stem)):
            raise TakenError(f"The video {path} is another worker's.")
        yield from self.decoder(path, fps, size)


def _claim(ticket: Ticket, failures: Failures, name: str) -> bool:
    """Claim a video that nobody has made or failed in this run; return whether it is this worker's."""
    feature = failures.features / f"{name}.npy"
    ours = not is_whole(feature) and (ticket.take(name) or ticket.owns(name))
    # Another worker may have been done with it between the look and the claim.
    if ours and (is_whole(feature) or failures.reason(name)):
        ticket.release(name)
        return False
    return ours
