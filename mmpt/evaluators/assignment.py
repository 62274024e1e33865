"""The monotone assignment of CrossTask: one second for every step, in order, at the least cost.

Comes in: for each video the cost of every step at every second. Goes out: the chosen seconds
(Zhukov et al., "Cross-task weakly supervised learning", CVPR 2019, section 3.3).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mmpt.errors import DataError

__all__ = ["assign_steps"]

_VIDEOS_AT_ONCE = 128
"""Videos padded to one length: 128 of 10 minutes and 10 steps need 6 MB a table."""


def assign_steps(costs: Sequence[NDArray[np.floating]]) -> list[NDArray[np.int64]]:
    """Return for each video the second of each step.

    Every step gets exactly one second, a later one than the step before; seconds without a step
    cost nothing. Of equally good assignments the one with the earliest last step is taken, then
    the earliest step before it, and so on.

    Args:
        costs: For each video (seconds, steps), finite; videos may differ in both.

    Returns:
        For each video int64 (steps,), strictly increasing.

    Raises:
        DataError: If a video has no step, more steps than seconds, or a cost that is not finite.
    """
    for number, cost in enumerate(costs):
        _check(cost, number)
    # Neighbours in this order are about as long, so that little is padding.
    order = sorted(range(len(costs)), key=lambda number: len(costs[number]))
    chosen: list[NDArray[np.int64]] = [np.empty(0, np.int64)] * len(costs)
    for first in range(0, len(order), _VIDEOS_AT_ONCE):
        group = order[first : first + _VIDEOS_AT_ONCE]
        for number, seconds in zip(group, _assign_group([costs[each] for each in group]), strict=True):
            chosen[number] = seconds
    return chosen


def _check(cost: NDArray, number: int) -> None:
    if cost.ndim != 2 or cost.shape[1] == 0:
        raise DataError(
            f"The costs of video {number} have the shape {cost.shape}; (seconds, steps) with at least one "
            "step is expected."
        )
    seconds, steps = cost.shape
    if steps > seconds:
        raise DataError(
            f"Video {number} has {seconds} seconds and its task {steps} steps; every step needs a second of "
            "its own. Leave the video out of the list."
        )
    if not np.isfinite(cost).all():
        raise DataError(
            f"The costs of video {number} are not all finite. "
            "Look for NaN in the feature files and in the weights of the checkpoint."
        )


def _assign_group(costs: Sequence[NDArray]) -> list[NDArray[np.int64]]:
    """Solve videos side by side: tables are (V, T), T the longest of them; see :func:`assign_steps`."""
    num_steps = np.array([cost.shape[1] for cost in costs])
    table = np.full((num_steps.max(), len(costs), max(map(len, costs))), np.inf)  # (steps, V, T)
    for video, cost in enumerate(costs):
        table[: cost.shape[1], video, : len(cost)] = cost.T
    seconds, videos = np.arange(table.shape[2]), np.arange(len(costs))
    choice = np.empty(table.shape, dtype=np.int32)  # step, video, t -> its best second up to t
    before = np.zeros(table.shape[1:])  # least cost of all earlier steps in the seconds before t
    for step, cost in enumerate(table):
        here = before + cost
        best = np.minimum.accumulate(here, axis=1)
        before = np.concatenate([np.full((len(costs), 1), np.inf), best[:, :-1]], axis=1)
        is_better = here < before
        is_better[:, 0] = True
        choice[step] = np.maximum.accumulate(np.where(is_better, seconds, 0), axis=1)
    found = np.zeros((len(costs), len(table)), dtype=np.int64)
    last = np.full(len(costs), table.shape[2] - 1)
    for step in reversed(range(len(table))):
        found[:, step] = choice[step, videos, last]
        last = np.where(step < num_steps, found[:, step] - 1, last)
    return [row[:steps] for row, steps in zip(found, num_steps, strict=True)]
