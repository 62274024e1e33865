"""The metrics of a training run: ``<save_dir>/metrics.jsonl``, one line of JSON per logged event.

Comes in: what happens while training. Goes out: the lines, and what they tell of the run. A training
that starts or goes on says when, and on what machine; then come means over an interval of updates,
validations, and the end::

    {"split": "start", "time": "2024-05-01T12:00:00Z", "hardware": {"processor": ...}}
    {"split": "train", "update": 20, "epoch": 1, "loss": 3.1, "lr": 5e-05, ..., "seconds": 12.5}
    {"split": "valid", "update": 90, "epoch": 1, "loss": 3.4, "seconds": 61.0}
    {"split": "end", "seconds": 63.2}

``seconds`` count from the start. A number that is not finite is null. One process writes, and holds a
lock on the file while it lives.
"""

import contextlib
import fcntl
import json
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any, SupportsFloat

from mmpt.utils.files import read_text
from mmpt.utils.units import utc_now

__all__ = ["METRICS_FILE", "Session", "TrainingLog", "TrainingRecord", "is_running", "read_training_log"]

METRICS_FILE = "metrics.jsonl"


class TrainingLog:
    """Writes the metrics of one run; the file is made, and its lock taken, with the first line.

    Args:
        path: The file; lines are appended.
        interval: Updates whose means make one line.

    Attributes:
        epoch: Number of the epoch, from 1, that the next lines belong to.
    """

    def __init__(self, path: str | os.PathLike[str], interval: int) -> None:
        self.path, self.interval = Path(path), interval
        self.epoch = 1
        self._file: FileIO | None = None
        self._begin = time.monotonic()
        self._since: float | None = None
        self._forget()

    def start(self, hardware: Mapping[str, Any]) -> None:
        """Note that training begins, or goes on, and on what machine."""
        self._append({"split": "start", "time": utc_now(), "hardware": dict(hardware)})

    def run_clock(self) -> None:
        """Let the time count as training, until the next validation."""
        if self._since is None:
            self._since = time.monotonic()

    def stop_clock(self) -> None:
        """Let the time not count as training: speed is that of updates alone."""
        if self._since is not None:
            self._elapsed += time.monotonic() - self._since
            self._since = None

    def train(
        self,
        update: int,
        loss: SupportsFloat,
        samples: SupportsFloat = 0,
        more: Callable[[], Mapping[str, float]] = dict,
        last: bool = False,
    ) -> None:
        """Note an update.

        Args:
            update: Its number, from 1.
            loss: Its loss; a tensor is read when the interval is full, for reading waits for the device.
            samples: Number of samples that it was computed from; read like the loss.
            more: Gives further values; called when the interval is full.
            last: Whether no update follows: the interval need not be full.
        """
        self._losses.append(loss)
        self._samples.append(samples)
        if update % self.interval and not last:
            return
        running = self._since is not None
        self.stop_clock()
        row = {"loss": sum(map(float, self._losses)) / len(self._losses), **more()}
        if self._elapsed:
            row["updates_per_second"] = len(self._losses) / self._elapsed
            row["samples_per_second"] = sum(map(float, self._samples)) / self._elapsed
        self._append_row("train", update, row)
        self._forget()
        if running:
            self.run_clock()

    def valid(self, update: int, values: Mapping[str, float]) -> None:
        """Note the loss, and further values, of a whole validation split after an update."""
        self._append_row("valid", update, values)

    def end(self) -> None:
        """Note that training has come to its end."""
        self._append({"split": "end", "seconds": self._seconds()})

    def _forget(self) -> None:
        self._losses: list[SupportsFloat] = []
        self._samples: list[SupportsFloat] = []
        self._elapsed = 0.0

    def _append_row(self, split: str, update: int, values: Mapping[str, float]) -> None:
        head = {"split": split, "update": update, "epoch": self.epoch}
        finite = {name: value if math.isfinite(value) else None for name, value in values.items()}
        self._append(head | finite | {"seconds": self._seconds()})

    def _seconds(self) -> float:
        return round(time.monotonic() - self._begin, 3)

    def _append(self, row: Mapping[str, Any]) -> None:
        if self._file is None:
            self._file = _opened(self.path)
        self._file.write(json.dumps(row).encode() + b"\n")


def _opened(path: Path) -> FileIO:
    """Open the file to append whole lines, and lock it for as long as this process lives."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = FileIO(path, "a+")
    with contextlib.suppress(OSError):  # a file system without locks: is_running will not know
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    if file.tell():
        file.seek(-1, os.SEEK_END)
        if file.read() != b"\n":  # what a killed run left cut off
            file.write(b"\n")
    return file


def is_running(path: str | os.PathLike[str]) -> bool:
    """Tell whether a living process writes the metrics file ``path``; False where nothing can be known."""
    try:
        with open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


Row = Mapping[str, Any]


@dataclass(frozen=True)
class Session:
    """What one process did of a training; one that was resumed has several."""

    time: str | None
    """When it began, UTC; None if it did not say."""
    hardware: Mapping[str, Any]
    """What it ran on; nothing if it did not say."""
    seconds: float
    """From its start to its last line."""
    trained: bool
    """Whether it did any update; one that found everything done did not."""


@dataclass(frozen=True)
class TrainingRecord:
    """What the metrics file of a run tells."""

    rows: Mapping[str, Sequence[Row]]
    """``train`` and ``valid`` -> the lines by rising update; of an update that a resumed run repeated,
    the last. Numbers that are not finite are NaN."""
    sessions: Sequence[Session]
    """Oldest first."""
    finished: bool
    """Whether the last session came to the end of training."""
    unreadable: int
    """Number of lines that are no event: cut off by a kill, or damaged."""

    @property
    def train(self) -> list[tuple[int, float]]:
        """Return (update, mean loss since the last point), a point per ``log_interval`` updates."""
        return self.curve("train", "loss")

    @property
    def valid(self) -> list[tuple[int, float]]:
        """Return (update, loss) of every validation."""
        return self.curve("valid", "loss")

    def curve(self, split: str, name: str) -> list[tuple[int, float]]:
        """Return (update, value) of the rows of a split that have the value."""
        return [(row["update"], row[name]) for row in self.rows[split] if name in row]

    def names(self, split: str) -> list[str]:
        """Return the names of the values of a split, in the order in which they first appear."""
        names = dict.fromkeys(name for row in self.rows[split] for name in row)
        return [name for name in names if name not in ("split", "update", "epoch", "seconds")]


def read_training_log(path: str | os.PathLike[str]) -> TrainingRecord:
    """Read the metrics of a run.

    What a session trains again, as it goes on from a checkpoint, replaces what was logged of it before.

    Raises:
        DataError: If the file is missing or cannot be read.
    """
    lines = [line for line in read_text(path).splitlines() if line.strip()]
    events = [event for event in map(_event, lines) if event is not None]
    sessions = _sessions(events)
    kept: dict[str, dict[int, Row]] = {"train": {}, "valid": {}}
    for session in sessions:
        trained = [event for event in session if event["split"] in kept]
        for split, rows in kept.items():
            again = trained[0]["update"] if trained else math.inf
            kept[split] = {update: row for update, row in rows.items() if update < again}
        for row in trained:
            kept[row["split"]][row["update"]] = row
    return TrainingRecord(
        rows={split: [rows[update] for update in sorted(rows)] for split, rows in kept.items()},
        sessions=[_session(each) for each in sessions],
        finished=bool(sessions) and sessions[-1][-1]["split"] == "end",
        unreadable=len(lines) - len(events),
    )


def _event(line: str) -> Row | None:
    """Return what a line says; None for one that a killed run left cut off, or that is damaged."""
    try:
        event = json.loads(line)
        if event["split"] in ("start", "end"):
            return event
        values = {
            name: math.nan if value is None else float(value)
            for name, value in event.items()
            if name != "split"
        }
        return {
            **values,
            "split": {"train": "train", "valid": "valid"}[event["split"]],
            "update": int(event["update"]),
        }
    except (ValueError, TypeError, KeyError):
        return None


def _sessions(events: Sequence[Row]) -> list[list[Row]]:
    """Cut the events where a process began."""
    sessions: list[list[Row]] = []
    for event in events:
        if event["split"] == "start" or not sessions:
            sessions.append([])
        sessions[-1].append(event)
    return sessions


def _session(events: Sequence[Row]) -> Session:
    said = events[0] if events[0]["split"] == "start" else {}
    trained = any(event["split"] == "train" for event in events)
    return Session(said.get("time"), said.get("hardware", {}), float(events[-1].get("seconds", 0)), trained)
