"""The monotone assignment of CrossTask: one second for every step, in order, at the least cost.

Comes in: for each video the cost of every step at every second. Goes out: the chosen seconds
(Zhukov et al., "Cross-task weakly supervised learning", CVPR 2019, section 3.3).
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mmpt.errors import DataError

__all__ = ["assign_steps"]

_VIDEOS_AT_ONCE = 128
"""Videos padded to one length: 128 of 10 minutes and 10 steps need 7 MB."""


def assign_steps(costs: Sequence[NDArray[np.floating]]) -> list[NDArray[np.int64]]:
    """Return for each video the second of each step.

    Give all videos in one call: they are solved side by side.

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
    """Solve videos side by side; see :func:`assign_steps`."""
    num_steps = np.array([cost.shape[1] for cost in costs])
    most_seconds, most_steps = max(map(len, costs)), num_steps.max()
    # best[t, k, v]: least cost of the first k steps of video v in its first t seconds; videos come last,
    # so that numpy runs along them.
    best = np.full((most_seconds + 1, most_steps + 1, len(costs)), np.inf)
    best[:, 0] = 0.0
    for video, cost in enumerate(costs):
        best[1 : len(cost) + 1, 1 : cost.shape[1] + 1, video] = cost
    for before, now in pairwise(best):
        now[1:] += before[:-1]  # the last of the steps is in this second
        np.minimum(now[1:], before[1:], out=now[1:])
    found = np.zeros((len(costs), most_steps), dtype=np.int64)
    videos, end = np.arange(len(costs)), np.full(len(costs), most_seconds)
    for step in reversed(range(most_steps)):
        # Costs fall with t: the step is in the first second at which they are as low as in the end.
        cost = best[:, step + 1]
        found[:, step] = (cost > cost[end, videos]).sum(axis=0) - 1
        end = np.where(step < num_steps, found[:, step], end)
    return [row[:steps] for row, steps in zip(found, num_steps, strict=True)]
