"""Who works on which video: claims in a folder that workers share, on one machine or many, without a server.

A worker claims a video by creating ``<folder>/.claims/<id>.claim``, which succeeds for one worker only,
and removes the file when the video is done. Beside it stands ``<worker>.alive``, whose time the worker
renews. The claim of a dead worker is taken over: on the same machine as soon as its process is gone, on
another when its time has stood still for :data:`PATIENCE`. The folder vanishes with the last worker.
"""

import fcntl
import math
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

from mmpt.utils.process_token import is_running, process_token

__all__ = ["CLAIMS", "Claim", "Claims", "Ticket"]

CLAIMS = ".claims"
HEARTBEAT = 15.0
"""Seconds between two signs of life."""
PATIENCE = 120.0
"""Seconds without a sign of life after which a worker on another machine is taken for dead."""
UNSIGNED = 5.0
"""Seconds after which a claim without an owner is void: its worker died between two system calls."""
GONE = math.inf


class Claim(NamedTuple):
    """What a claim file says."""

    owner: str
    """The worker; empty while it is signing."""
    run: int
    """The run that the worker belongs to."""
    attempt: int
    """1, or one more than the claim of this run that it replaces."""


@dataclass(frozen=True)
class Ticket:
    """The right to claim for a worker; decoding processes that work for it get a copy."""

    folder: Path
    owner: str
    run: int

    @property
    def temporary(self) -> Path:
        """The temporary file of the worker: it writes one file at a time."""
        return self.folder / f"{self.owner}.tmp"

    def take(self, name: str, attempt: int = 1) -> bool:
        """Claim ``name`` unless somebody has."""
        try:
            with open(self._path(name), "x", encoding="utf-8") as stream:
                stream.write(f"{self.owner} {self.run} {attempt}\n")
        except FileExistsError:
            return False
        return True

    def read(self, name: str) -> Claim | None:
        """Return the claim on ``name``, whoever made it."""
        try:
            owner, run, attempt = self._path(name).read_text(encoding="utf-8").split()
            return Claim(owner, int(run), int(attempt))
        except FileNotFoundError:
            return None
        except ValueError:
            return Claim("", 0, 0)

    def owns(self, name: str) -> bool:
        """Return whether the claim on ``name`` is this worker's."""
        claim = self.read(name)
        return claim is not None and claim.owner == self.owner

    def release(self, name: str) -> None:
        """Give up the claim on ``name`` if it is this worker's."""
        if self.owns(name):
            self._path(name).unlink(missing_ok=True)

    def void(self, name: str, claim: Claim) -> bool:
        """Remove the claim of a dead worker, unless another has been quicker."""
        with _alone(self.folder):
            still = self.read(name) == claim
            if still:
                self._path(name).unlink(missing_ok=True)
            return still

    def names(self) -> list[str]:
        """Return what is claimed."""
        return sorted(path.name.removesuffix(".claim") for path in self.folder.glob("*.claim"))

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.claim"


class Claims:
    """A worker's place among the others; use it in a ``with`` block.

    Args:
        folder: Folder of what is made; ``.claims`` is made in it.
        run: Run of the process that started this worker; None begins one. Runs are numbered by the
            clock of the file system, so that files can be told to be older or newer than a run.
        patience: See :data:`PATIENCE`.
    """

    def __init__(self, folder: Path, run: int | None = None, patience: float = PATIENCE) -> None:
        token = process_token()
        self._alive = folder / CLAIMS / f"{token}.alive"
        self._begins = run is None
        self._patience = patience
        self._seen: dict[str, tuple[int, float]] = {}
        self._stop = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self.ticket = Ticket(folder / CLAIMS, token, run or 0)

    @property
    def run(self) -> int:
        """The run that this worker belongs to."""
        return self.ticket.run

    def __enter__(self) -> Self:
        while not self._sign_in():
            pass  # the last of the other workers has just removed the folder
        if self._begins:
            self.ticket = Ticket(self.ticket.folder, self.ticket.owner, self._alive.stat().st_mtime_ns)
        self._heart.start()
        self._sweep()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._heart.join()
        for name in self.ticket.names():
            self.ticket.release(name)
        self._sweep()
        self._alive.unlink(missing_ok=True)
        with suppress(OSError):  # others are at work, or have just left
            self.ticket.folder.rmdir()

    def is_dead(self, name: str, claim: Claim) -> bool:
        """Return whether nobody works on the claim on ``name`` any more."""
        if not claim.owner:
            return self._unchanged(f"{name}.claim") > UNSIGNED
        return self._has_died(claim.owner)

    def take_over(self, name: str, claim: Claim) -> bool:
        """Claim ``name`` in place of a dead worker; False if another was quicker."""
        attempt = claim.attempt + 1 if claim.run == self.run else 1
        return self.ticket.void(name, claim) and self.ticket.take(name, attempt)

    def log(self, line: str) -> None:
        """Tell the process that has begun the run of something done; a killed worker has told it too."""
        if not self._begins:
            with open(self.ticket.folder / f"{self.ticket.owner}.{self.run}.log", "a") as stream:
                stream.write(f"{line}\n")

    def plan_path(self) -> Path:
        """Return a place for a plan that this worker makes for others."""
        return self.ticket.folder / f"{self.ticket.owner}.plan"

    def logs(self) -> list[Path]:
        """Return the logs of all workers of this run."""
        return sorted(self.ticket.folder.glob(f"*.{self.run}.log"))

    def others(self) -> bool:
        """Return whether another worker lives, as far as one can know now."""
        workers = (path.stem for path in self.ticket.folder.glob("*.alive"))
        return any(worker != self.ticket.owner and not self._has_died(worker) for worker in workers)

    def _sign_in(self) -> bool:
        self.ticket.folder.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):  # unlike mkdir(exist_ok=True), which looks at what it found
            self.ticket.folder.mkdir()
        try:
            self._alive.touch()
        except FileNotFoundError:
            return False
        return True

    def _beat(self) -> None:
        while not self._stop.wait(HEARTBEAT):
            with suppress(OSError):  # a file system that is away for a while; saving checks the claim
                self._alive.touch()

    def _has_died(self, owner: str) -> bool:
        """Return whether a worker is gone. One that has left in order has removed its sign of life."""
        unchanged, running = self._unchanged(f"{owner}.alive"), is_running(owner)
        return unchanged > self._patience if running is None or unchanged == GONE else not running

    def _unchanged(self, name: str) -> float:
        """Return for how many seconds, by the clock of this process, a file has been seen to be the same."""
        try:
            changed = (self.ticket.folder / name).stat().st_mtime_ns
        except FileNotFoundError:
            return GONE
        before, since = self._seen.get(name, (None, 0.0))
        if before != changed:
            self._seen[name] = changed, time.monotonic()
            return 0.0
        return time.monotonic() - since

    def _sweep(self) -> None:
        """Remove what dead workers left. Their claims in this run stay: they tell how often it was tried."""
        for name in self.ticket.names():
            claim = self.ticket.read(name)
            if claim and (claim.run != self.run or self._begins) and self.is_dead(name, claim):
                self.ticket.void(name, claim)
        for path in self.ticket.folder.iterdir():
            owner, *kind = path.name.split(".")
            is_kept = kind[-1:] == ["claim"] or (kind == [str(self.run), "log"] and not self._begins)
            if not is_kept and self._has_died(owner):
                path.unlink(missing_ok=True)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes from removing claims at the same time, where the file system has locks.

    Where it has none, two workers may replace one dead claim at the same moment and both work on the
    video; saving checks the claim, so one of them saves it.
    """
    file = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)
