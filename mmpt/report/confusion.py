"""Which classes are taken for which: from predicted and true classes to a table that one can read.

Data sets have up to hundreds of classes (COIN: 779). The matrix shows those that errors are about, and
puts all others together; the pairs name the commonest errors of all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmpt.errors import DataError
from mmpt.evaluators.results import EvaluationResult
from mmpt.utils.files import read_json

__all__ = ["Confusion", "Pair", "class_names", "confusion", "of_result"]

CLASSES = 20
"""Classes of the matrix."""
PAIRS = 15
"""Errors that are named."""
NOTHING = "nothing"
"""What happens in a second in which no step of CrossTask does."""


class Pair(NamedTuple):
    """An error: a class and what it was taken for."""

    true: str
    predicted: str
    number: int
    share: float
    """Of what is truly that class."""


@dataclass(frozen=True)
class Confusion:
    """Who is taken for whom."""

    unit: str
    """What is counted, such as ``seconds``."""
    names: Sequence[str]
    """Classes of the matrix; the last may stand for all others."""
    shares: NDArray[np.float64]
    """Row: the true class; column: what it was taken for. A row is its shares, which add up to 1."""
    counts: NDArray[np.int64]
    """The same as numbers."""
    pairs: Sequence[Pair]
    """The commonest errors of all classes."""
    total: int
    """Number of classes that occur."""


def confusion(targets: NDArray, outputs: NDArray, names: Sequence[str], unit: str) -> Confusion:
    """Count who is taken for whom.

    Args:
        targets: True classes (N,).
        outputs: Predicted classes (N,).
        names: Name of each class, which may be empty.
        unit: What the N are.
    """
    present, places = np.unique(np.concatenate([targets, outputs]), return_inverse=True)
    true, taken = np.split(places.reshape(-1), 2)
    size = len(present)
    table = np.bincount(true * size + taken, minlength=size * size).reshape(size, size)
    labels = [_label(int(each), names) for each in present]
    wrong = table - np.diag(np.diag(table))
    shown = np.arange(size)
    if size > CLASSES:
        involved = wrong.sum(axis=0) + wrong.sum(axis=1)
        shown = np.sort(np.argsort(-involved, kind="stable")[: CLASSES - 1])
    counts = _folded(table, shown)
    truly = table.sum(axis=1)
    order = np.argsort(-wrong, axis=None, kind="stable")[:PAIRS]
    pairs = [
        Pair(labels[row], labels[column], int(wrong[row, column]), float(wrong[row, column] / truly[row]))
        for row, column in (np.unravel_index(each, wrong.shape) for each in order)
        if wrong[row, column]
    ]
    kept = [labels[each] for each in shown]
    others = [f"{size - len(shown)} other classes"] if len(shown) < size else []
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return Confusion(unit, [*kept, *others], shares, counts, pairs, size)


def of_result(folder: Path, result: EvaluationResult) -> Confusion | None:
    """Return the confusion of a labelling task from its predictions; None for another kind of task.

    Raises:
        DataError: If files of the predictions are missing or damaged.
    """
    if result.metric == "COINActionSegmentationMetric":
        arrays = _arrays(folder, result)
        return confusion(arrays["targets"], arrays["outputs"], class_names(folder, result), "seconds")
    if result.metric == "CrossTaskMetric":
        return _of_steps(_arrays(folder, result), _items(folder, result).get("steps", {}))
    return None


def class_names(folder: Path, result: EvaluationResult) -> list[str]:
    """Return the names of the classes of a labelling task; nothing if they were not kept."""
    names = _items(folder, result).get("labels", [])
    return ["background", *names[1:]] if names else []


def _of_steps(arrays: dict[str, NDArray], steps: dict[str, list[str]]) -> Confusion:
    """Compare each step with the one that really happens in the second that was chosen for it."""
    names, numbers = [NOTHING], {}
    for task, shape in zip(arrays["tasks"].tolist(), arrays["shapes"], strict=True):
        for step in range(int(shape[1])):
            if (task, step) not in numbers:
                numbers[task, step] = len(names)
                said = steps.get(task, [])
                names.append(said[step] if step < len(said) else f"step {step + 1} of {task}")
    targets, outputs = [], []
    ends, cells = np.cumsum(arrays["shapes"][:, 1]), np.cumsum(arrays["shapes"].prod(axis=1))
    for task, shape, end, cell in zip(arrays["tasks"].tolist(), arrays["shapes"], ends, cells, strict=True):
        happens = arrays["targets"][cell - shape.prod() : cell].reshape(shape)
        for step, second in enumerate(arrays["outputs"][end - shape[1] : end]):
            if not happens[:, step].any():
                continue
            there = np.flatnonzero(happens[second])
            hit = step if step in there else (int(there[0]) if len(there) else None)
            targets.append(numbers[task, step])
            outputs.append(0 if hit is None else numbers[task, hit])
    return confusion(np.array(targets, int), np.array(outputs, int), names, "steps")


def _folded(table: NDArray[np.int64], shown: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows and columns that are shown, and one of each for the sum of all others."""
    if len(shown) == len(table):
        return table
    groups = np.full(len(table), len(shown))
    groups[shown] = np.arange(len(shown))
    folded = np.zeros((len(shown) + 1, len(shown) + 1), dtype=np.int64)
    np.add.at(folded, (groups[:, None], groups[None, :]), table)
    return folded


def _label(number: int, names: Sequence[str]) -> str:
    name = names[number] if number < len(names) else ""
    return name or f"class {number}"


def _arrays(folder: Path, result: EvaluationResult) -> dict[str, NDArray]:
    try:
        return {name: np.load(folder / file, allow_pickle=False) for name, file in result.predictions.items()}
    except (OSError, ValueError) as error:
        raise DataError(f"The predictions of {result.name} in {folder} cannot be read: {error}.") from error


def _items(folder: Path, result: EvaluationResult) -> dict[str, Any]:
    path = folder / f"{result.name}.items.json"
    return read_json(path) if path.exists() else {}
