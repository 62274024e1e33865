"""Result files: every number with its baseline, its counts, and what it was computed from.

A result file answers, years later: which checkpoint, which features, which split, which code, how
many items, and what would chance have scored. It is JSON, written beside the predictions.
"""

import hashlib
import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import mmpt
from mmpt.errors import DataError
from mmpt.utils.files import read_json, write_json

__all__ = [
    "FORMAT_VERSION",
    "EvaluationResult",
    "MetricValue",
    "code_version",
    "feature_fingerprint",
    "read_result",
    "write_result",
]

FORMAT_VERSION = 1
_EDGE = 64 * 1024
"""Bytes read at each end of a feature file for its fingerprint."""


@dataclass(frozen=True)
class MetricValue:
    """One number and what it has to be compared with."""

    value: float
    """What the model scored."""
    baseline: float
    """What the trivial answer scores on the same items."""
    percent: bool = False
    """Whether both are shares between 0 and 1, printed as percentages."""


@dataclass(frozen=True)
class EvaluationResult:
    """One evaluation of one checkpoint; the fields are those of the JSON file."""

    name: str
    """What was evaluated: the stem of the checkpoint file, or a given name such as ``untrained``."""
    split: str
    """The split of the dataset."""
    predictor: str
    """Class that made the predictions."""
    metric: str | None
    """Class that computed the numbers; None if only predictions were made."""
    metrics: dict[str, MetricValue]
    """Name of a metric -> its value and baseline, the main one first."""
    counts: dict[str, int]
    """Items that were predicted, such as queries and candidates."""
    skipped: dict[str, int]
    """Reason -> items of the list that could not be used."""
    features: dict[str, Any]
    """Folder of the features, how they were made, and their fingerprint, see :func:`feature_fingerprint`."""
    checkpoint: dict[str, Any] | None
    """Path and SHA-256 of the checkpoint; None for a model evaluated in memory."""
    code: dict[str, str | None]
    """Version of the package, and the git commit if it runs from a checkout."""
    device: str
    """Device and floating-point type."""
    predictions: dict[str, str]
    """Name of an array -> file beside the result file."""
    date: str
    """When the evaluation ended, UTC."""
    selected_from: int = 1
    """Number of checkpoints compared on this same split; above 1, the best of them is optimistic."""
    ignored: dict[str, int] = field(default_factory=dict)
    """Reason -> parts of items, such as annotated segments, that had no effect."""
    details: dict[str, Any] = field(default_factory=dict)
    """What the metric tells beside its numbers, such as the accuracy of every class."""
    config: dict[str, Any] = field(default_factory=dict)
    """The resolved task configuration, without keys at None."""
    seconds: float | None = None
    """How long the predictions took; None in files of before."""
    hardware: dict[str, Any] = field(default_factory=dict)
    """What they were made on, see :func:`mmpt.utils.hardware.hardware`."""


def feature_fingerprint(files: Iterable[str | os.PathLike[str]]) -> dict[str, Any]:
    """Return number, bytes and a SHA-256 of the feature files that were used.

    The hash runs over the sorted files; of each it takes the name, the size, and the first and last
    64 KiB. Files up to 128 KiB (64 seconds of float16 S3D features) are thus hashed whole, and a
    shard of gigabytes costs two reads. Features extracted again with other weights, frame rate or
    normalisation change every row and so the hash; a change hidden in the middle of a long file
    does not.

    Raises:
        DataError: If a file is missing.
    """
    digest, total, paths = hashlib.sha256(), 0, sorted({Path(file) for file in files}, key=lambda p: p.name)
    for path in paths:
        try:
            with open(path, "rb") as stream:
                size = os.fstat(stream.fileno()).st_size
                head = stream.read(_EDGE)
                stream.seek(max(len(head), size - _EDGE))
                tail = stream.read()
        except OSError as error:
            raise DataError(f"The feature file {path} cannot be read ({error.strerror}).") from error
        digest.update(f"{path.name}\0{size}\0".encode())
        digest.update(head + tail)
        total += size
    return {"files": len(paths), "bytes": total, "sha256": digest.hexdigest() if paths else None}


def code_version() -> dict[str, str | None]:
    """Return the version of mmpt and the commit that it runs from (``-dirty`` if files were changed)."""
    package = Path(mmpt.__file__).parent

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(package), *arguments],
                capture_output=True,
                text=True,
                timeout=10,
                check=True,
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.strip()

    # An installed copy may lie inside some other project's repository: ask whether it is tracked.
    tracked = git("ls-files", "--error-unmatch", "__init__.py") is not None
    commit = git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*") if tracked else None
    return {"mmpt": mmpt.__version__, "commit": commit}


def write_result(path: str | os.PathLike[str], result: EvaluationResult) -> None:
    """Write ``result`` as JSON, atomically."""
    write_json(path, {"format": FORMAT_VERSION, **asdict(result)})


def read_result(path: str | os.PathLike[str]) -> EvaluationResult:
    """Read a result file.

    Raises:
        DataError: If the file is missing, damaged, or of an unknown version.
    """
    values = read_json(path)
    if not isinstance(values, Mapping) or values.get("format") != FORMAT_VERSION:
        found = values.get("format") if isinstance(values, Mapping) else None
        raise DataError(f"{path} is no result file of format {FORMAT_VERSION} (its 'format' is {found!r}).")
    fields = {key: value for key, value in values.items() if key != "format"}
    try:
        metrics = {name: MetricValue(**value) for name, value in fields.pop("metrics").items()}
        return EvaluationResult(**fields, metrics=metrics)
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"The result file {path} lacks or adds fields: {error}.") from error
