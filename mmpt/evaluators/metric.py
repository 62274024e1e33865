"""Metrics: pure functions over saved predictions, each with the score that knowing nothing would get.

Comes in: the arrays that a predictor returned. Goes out: one number per metric name, and the same
names for the trivial baseline, so that no result is ever printed alone.
"""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mmpt.config import TaskConfig
from mmpt.errors import DataError

__all__ = ["Metric", "RetrievalMetric", "retrieval_ranks"]

_ROWS_AT_ONCE = 256
"""Rows compared in one step: 256 x 10 000 comparisons need 2.6 MB."""


class Metric:
    """Base of all metrics; a subclass states its names and two functions of the same arrays.

    Args:
        config: The task, for metrics that need annotation files.

    Attributes:
        names: What is measured, the first being the one that checkpoints are chosen by.
        percent: Those of ``names`` that are shares between 0 and 1 and are printed as percentages.
        higher_is_better: Whether the best checkpoint is the one with the largest ``names[0]``.
    """

    names: ClassVar[tuple[str, ...]] = ()
    percent: ClassVar[frozenset[str]] = frozenset()
    higher_is_better: ClassVar[bool] = True

    def __init__(self, config: TaskConfig | None = None) -> None:
        self.config = config

    # (*Any, **Any) lets each metric name the arrays that it needs; the arrays of
    # ``Predictions`` are passed by keyword.
    def compute(self, *args: Any, **arrays: Any) -> dict[str, float]:
        """Return the value of every name for the predictions in ``arrays``."""
        raise NotImplementedError(f"{type(self).__name__} does not say how to compute {self.names}.")

    def baseline(self, *args: Any, **arrays: Any) -> dict[str, float]:
        """Return what a trivial answer (chance, majority class) would score on the same items."""
        raise NotImplementedError(f"{type(self).__name__} does not state its trivial baseline.")

    def details(self, *args: Any, **arrays: Any) -> dict[str, Any]:
        """Return what belongs in the result file beside the numbers, as plain JSON values.

        The sentences in a list ``notes`` are also printed under the table.
        """
        return {}


class RetrievalMetric(Metric):
    """Text-to-video retrieval: recall at 1, 5 and 10, and the median rank (MR) of the right video.

    R@k is the share of queries whose own video is among the k best. A video that scores the same
    as the right one counts as ranked before it, so a model that gives every video one score gets
    rank N and not rank 1.
    """

    names = ("R1", "R5", "R10", "MR")
    percent = frozenset({"R1", "R5", "R10"})

    def compute(self, scores: NDArray) -> dict[str, float]:
        """Return R1, R5, R10 (shares) and MR (1-based rank).

        Args:
            scores: (N, N); entry (i, j) is how well video j answers text i, and video i is the
                right one for text i.

        Raises:
            DataError: If ``scores`` is empty, not square, or holds NaN.
        """
        ranks = retrieval_ranks(scores)
        recalls = {f"R{k}": float(np.mean(ranks <= k)) for k in (1, 5, 10)}
        return {**recalls, "MR": float(np.median(ranks))}

    def baseline(self, scores: NDArray) -> dict[str, float]:
        """Return the expectation under a random ranking: R@k = k / N and MR = (N + 1) / 2.

        The rank of the right video is then uniform on 1...N, which is symmetric about (N + 1) / 2,
        and so is the median of any number of such ranks.
        """
        candidates = scores.shape[1]
        recalls = {f"R{k}": min(k, candidates) / candidates for k in (1, 5, 10)}
        return {**recalls, "MR": (candidates + 1) / 2}


def retrieval_ranks(scores: NDArray) -> NDArray[np.int64]:
    """Return the 1-based rank of each query's own candidate: 1 + how many others score as much or more.

    Works through the rows in steps, so that memory beside ``scores`` stays below 10 MB for a
    10 000 x 10 000 matrix, which may be memory-mapped.

    Args:
        scores: (N, N); the right candidate of query i is column i.

    Returns:
        Ranks, int64 (N,).

    Raises:
        DataError: If ``scores`` is empty, not square, or holds NaN.
    """
    if scores.ndim != 2 or scores.shape[0] != scores.shape[1] or scores.size == 0:
        raise DataError(
            f"Retrieval scores have the shape {scores.shape}; needed is (N, N) with N of at least 1, "
            "where text i belongs to video i."
        )
    ranks = np.empty(len(scores), dtype=np.int64)
    for first in range(0, len(scores), _ROWS_AT_ONCE):
        rows = np.asarray(scores[first : first + _ROWS_AT_ONCE])
        if np.isnan(rows).any():
            bad = first + int(np.flatnonzero(np.isnan(rows).any(axis=1))[0])
            raise DataError(
                f"Retrieval scores of text {bad} hold NaN, so they cannot be ranked. "
                "Look for NaN in the feature files and in the weights of the checkpoint."
            )
        own = rows[np.arange(len(rows)), np.arange(first, first + len(rows))]
        # The right candidate is >= itself: that comparison is the "1 +".
        ranks[first : first + len(rows)] = (rows >= own[:, None]).sum(axis=1)
    return ranks
