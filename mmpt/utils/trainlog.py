"""Loss curves from what ``fairseq-train --log-format json --log-file F`` wrote."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmpt.errors import DataError

__all__ = ["TrainingLog", "read_training_log"]


@dataclass(frozen=True)
class TrainingLog:
    """Loss curves as (update, loss), by rising update."""

    train: list[tuple[int, float]]
    """Mean training loss since the last point: one point per ``log_interval`` updates."""
    valid: list[tuple[int, float]]
    """Validation loss, one point per validation."""


def read_training_log(path: str | os.PathLike[str]) -> TrainingLog:
    """Read the loss curves of a run, resumed ones included.

    fairseq mixes JSON lines with other text and writes each line once more in every further epoch;
    a resumed run repeats updates. For each update the last line counts.

    Raises:
        DataError: If the file is missing or holds no training line.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError as error:
        raise DataError(f"The training log {path} does not exist; train with common.log_file set.") from error
    records = [record for record in map(_record, lines) if record is not None]
    train = {int(each["num_updates"]): float(each["loss"]) for each in records if "loss" in each}
    valid = {
        int(each["valid_num_updates"]): float(each["valid_loss"]) for each in records if "valid_loss" in each
    }
    if not train:
        raise DataError(
            f"The training log {path} holds no loss; set fairseq.common.log_format: json, and a log_interval "
            "below the number of updates."
        )
    return TrainingLog(sorted(train.items()), sorted(valid.items()))


def _record(line: str) -> dict[str, Any] | None:
    """Return what a line says if it is one of fairseq's JSON lines; the last one may be cut off."""
    try:
        record = json.loads(line)
    except json.JSONDecodeError:
        return None
    return record if isinstance(record, dict) else None
