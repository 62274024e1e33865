"""Action recognition with several splits of one data set (UCF101, HMDB51)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmpt.errors import DataError
from mmpt.evaluators.metric import Metric

__all__ = ["ActionRecognitionMetric"]

_TEST = 2
"""Value of a video in a split's column if the split tests on it; 1 is training, 0 neither."""


class ActionRecognitionMetric(Metric):
    """Accuracy on the test videos of the first split; the details hold recall at 1, 5, 10 of every split.

    A class that scores the same as the right one counts as ranked before it.
    """

    names = ("acc",)
    percent = frozenset(names)

    def compute(self, outputs: NDArray, targets: NDArray[np.int64], splits: NDArray) -> dict[str, float]:
        """Return the accuracy.

        Args:
            outputs: Scores of the classes, (N, C).
            targets: True classes, (N,).
            splits: 2 where a split tests on a video, (S, N).

        Raises:
            DataError: If the shapes do not fit, a class is outside C, or a split tests on no video.
        """
        return {"acc": self.details(outputs, targets, splits)["acc_splits"][0]}

    def baseline(self, outputs: NDArray, targets: NDArray[np.int64], splits: NDArray) -> dict[str, float]:
        """Return the share of the commonest class in the test of the first split."""
        _check(outputs, targets, splits)
        return {"acc": float(np.bincount(targets[splits[0] == _TEST]).max() / (splits[0] == _TEST).sum())}

    def details(self, outputs: NDArray, targets: NDArray[np.int64], splits: NDArray) -> dict[str, Any]:
        """Return ``acc_splits``, ``r1_splits``, ``r5_splits`` and ``r10_splits``, one number per split."""
        _check(outputs, targets, splits)
        own = outputs[np.arange(len(outputs)), targets]
        ranks = (outputs >= own[:, None]).sum(axis=1)
        recalls = {
            f"r{k}_splits": [float(np.mean(ranks[split == _TEST] <= k)) for split in splits]
            for k in (1, 5, 10)
        }
        return {
            "acc_splits": recalls["r1_splits"],
            **recalls,
            "videos_splits": [int((split == _TEST).sum()) for split in splits],
        }


def _check(outputs: NDArray, targets: NDArray, splits: NDArray) -> None:
    if outputs.ndim != 2 or targets.shape != outputs.shape[:1] or splits.shape[1:] != targets.shape:
        raise DataError(
            f"Scores have the shape {outputs.shape}, classes {targets.shape} and splits {splits.shape}; "
            "(N, C), (N,) and (splits, N) are expected."
        )
    if targets.min() < 0 or targets.max() >= outputs.shape[1]:
        raise DataError(
            f"The classes run from {targets.min()} to {targets.max()}, and {outputs.shape[1]} were scored."
        )
    if np.isnan(outputs).any() or not (splits == _TEST).any(axis=1).all():
        raise DataError("A score is NaN, or a split tests on no video (it holds no 2).")
