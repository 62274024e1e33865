r"""Which stretches of a video answer a text, told from one score per second.

Comes in: scores (T,). Goes out: moments that do not overlap, best first. A moment is where the smoothed
scores have a peak. Its borders are told from the scores themselves, which smoothing blurs: the seconds around
the best one that reach :data:`HEIGHT`::

    best    . . . . . . . . . . . . . . # . . . . .
    height  . . . . . . . . . . . . [ # # # ] . . .    a moment
                                  . # # # # #
    median  -------- # ---------- # # # # # # # ---
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmpt.errors import ConfigError, DataError

__all__ = ["HEIGHT", "LONGEST", "SMOOTHED", "Moment", "find_moments", "smooth"]

SMOOTHED = 3
"""Seconds whose scores are averaged: single frames that look alike by chance count less."""
HEIGHT = 2 / 3
"""Where the borders are, of the way from the median of the video's scores to the best second."""
LONGEST = 30
"""Most seconds of a moment."""


class Moment(NamedTuple):
    """Seconds ``start`` to ``end`` of a video, and how well they match: the peak of the smoothed scores.

    Not their own mean: the borders of a moment are a matter of taste, and moments of other videos, with other
    borders, are to be compared.
    """

    start: float
    end: float
    score: float


def find_moments(
    scores: ArrayLike, count: int = 5, *, smoothed: int = SMOOTHED, longest: int = LONGEST
) -> list[Moment]:
    """Return at most ``count`` moments, best first; they do not overlap.

    The highest peak comes first; a peak inside a moment that is there already is passed over
    (non-maximum suppression), and a moment ends where one begins that is there already.

    Args:
        scores: One number per second, (T,), higher is better.
        count: Most moments to return; fewer peaks give fewer.
        smoothed: See :func:`smooth`.
        longest: Most seconds of a moment; of a longer stretch, those around the peak.

    Raises:
        DataError: If the scores are no row of finite numbers, or none.
        ConfigError: If a number is not positive.
    """
    rows = np.asarray(scores, dtype=np.float64)
    if rows.ndim != 1 or not len(rows) or not np.isfinite(rows).all():
        raise DataError(
            f"Scores of shape {rows.shape} were given; a finite number per second, and at least one, are "
            "expected."
        )
    if min(count, longest) < 1:
        raise ConfigError(f"count and longest must be at least 1; given are {count} and {longest}.")
    level = smooth(rows, smoothed)
    is_taken = np.zeros(len(rows), dtype=bool)
    moments: list[Moment] = []
    median, median_level = np.median(rows), np.median(level)
    for peak in _peaks(level):
        if level[peak] < median_level:
            break  # the highest of a stretch that is lower than most of the video
        if is_taken[peak]:
            continue
        free = np.where(is_taken, -np.inf, rows)
        first = max(0, peak - (smoothed - 1) // 2)
        best = first + int(free[first : peak + smoothed // 2 + 1].argmax())
        low = min(median, free[best])  # one second that is averaged may be lower than most
        start, end = _around(best, free >= low + HEIGHT * (free[best] - low), longest)
        is_taken[start:end] = True
        moments.append(Moment(float(start), float(end), float(level[peak])))
        if len(moments) == count:
            break
    return moments


def smooth(scores: NDArray[np.float64], seconds: int = SMOOTHED) -> NDArray[np.float64]:
    """Return the mean of the ``seconds`` scores around each second; beyond the ends, those of the ends count.

    Args:
        scores: (T,).
        seconds: How many; an odd number has as many before as after.

    Raises:
        ConfigError: If ``seconds`` is not positive.
    """
    if seconds < 1:
        raise ConfigError(f"At least 1 second must be smoothed over; given are {seconds}.")
    padded = np.pad(scores, ((seconds - 1) // 2, seconds // 2), mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, seconds).mean(axis=1)


def _peaks(level: NDArray[np.float64]) -> Sequence[int]:
    """Return the seconds that no neighbour exceeds, highest first; of level ground only the first one."""
    step = np.diff(level)
    changes = np.flatnonzero(step)
    # The level after each change is a stretch of level ground, and so is what comes before the first.
    begins = np.concatenate([[0], changes + 1])
    rises = np.concatenate([[True], step[changes] > 0])
    falls = np.concatenate([step[changes] < 0, [True]])
    peaks = begins[rises & falls]
    return peaks[np.argsort(-level[peaks], kind="stable")].tolist()


def _around(peak: int, is_inside: NDArray[np.bool_], longest: int) -> tuple[int, int]:
    """Return where the stretch around a peak begins and ends; of one too long, the part around the peak."""
    outside = np.flatnonzero(~is_inside)
    position = np.searchsorted(outside, peak)
    start = int(outside[position - 1]) + 1 if position else 0
    end = int(outside[position]) if position < len(outside) else len(is_inside)
    first = min(max(start, peak - longest // 2), max(start, end - longest))
    return first, min(end, first + longest)
