"""The metrics of a training run: ``<save_dir>/metrics.jsonl``, one line per logged value.

Comes in: losses while training. Goes out: lines ``{"split": "train", "update": 20, "loss": 3.1}``,
and the curves that they form. A resumed run appends to the file of the interrupted one.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, SupportsFloat

from mmpt.errors import DataError

__all__ = ["METRICS_FILE", "TrainingCurves", "TrainingLog", "read_training_log"]

METRICS_FILE = "metrics.jsonl"


class TrainingLog:
    """Writes the metrics of one run.

    Args:
        path: The file; lines are appended.
        interval: Updates whose mean training loss makes one line.
    """

    def __init__(self, path: str | os.PathLike[str], interval: int) -> None:
        self.path, self.interval = Path(path), interval
        self._losses: list[SupportsFloat] = []

    def train(self, update: int, loss: SupportsFloat) -> None:
        """Note the loss of an update (counted from 1); a tensor is read when its interval is full."""
        self._losses.append(loss)
        if update % self.interval == 0:
            self._append("train", update, sum(map(float, self._losses)) / len(self._losses))
            self._losses.clear()

    def valid(self, update: int, loss: float) -> None:
        """Note the loss of a whole validation split after an update."""
        self._append("valid", update, loss)

    def _append(self, split: str, update: int, loss: float) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.path, "a", encoding="utf-8") as stream:
            stream.write(json.dumps({"split": split, "update": update, "loss": loss}) + "\n")


@dataclass(frozen=True)
class TrainingCurves:
    """Loss curves as (update, loss), by rising update."""

    train: list[tuple[int, float]]
    """Mean training loss since the last point: one point per ``log_interval`` updates."""
    valid: list[tuple[int, float]]
    """Validation loss, one point per validation."""


def read_training_log(path: str | os.PathLike[str]) -> TrainingCurves:
    """Read the loss curves of a run; of an update that a resumed run repeated the last line counts.

    Raises:
        DataError: If the file is missing or holds no training loss.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise DataError(f"The metrics file {path} does not exist; train first.") from error
    curves: dict[str, dict[int, float]] = {"train": {}, "valid": {}}
    for record in map(_record, lines):
        if record is not None:
            curves[record["split"]][record["update"]] = record["loss"]
    if not curves["train"]:
        raise DataError(
            f"The metrics file {path} holds no training loss; set fairseq.common.log_interval below the "
            "number of updates."
        )
    return TrainingCurves(sorted(curves["train"].items()), sorted(curves["valid"].items()))


def _record(line: str) -> dict[str, Any] | None:
    """Return what a line says; None for one that a killed run left cut off."""
    try:
        return json.loads(line)
    except json.JSONDecodeError:
        return None
