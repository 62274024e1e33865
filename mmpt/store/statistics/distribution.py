"""How numbers are distributed, gathered piece by piece in a few kilobytes."""

import math
from typing import NamedTuple

import numpy as np

__all__ = ["Bar", "Distribution"]


class Bar(NamedTuple):
    """The share of all values from ``low`` to ``high``; the last bar also holds all above it."""

    low: float
    high: float
    share: float


class Distribution:
    """Counts of values from 0 up, in cells of equal width; values that are not finite are left out.

    Args:
        width: Width of a cell: quantiles are exact to it. Sum, least and greatest value are exact.
        cells: Number of cells; what lies above is counted in the last.
    """

    def __init__(self, width: float, cells: int = 100_000) -> None:
        self.width = width
        self.counts = np.zeros(cells, dtype=np.int64)
        self.number = 0
        self.total = 0.0
        self.least, self.greatest = math.inf, -math.inf

    def add(self, values: np.ndarray) -> None:
        """Count an array of values of any shape."""
        values = np.asarray(values, dtype=np.float64)
        values = values[np.isfinite(values)]
        if not len(values):
            return
        # A whisker more, so that 0.3 / 0.1 falls into the cell that begins with 0.3.
        cells = np.clip(values / self.width + 1e-9, 0, len(self.counts) - 1).astype(np.int64)
        self.counts += np.bincount(cells, minlength=len(self.counts))
        self.number += len(values)
        self.total += float(values.sum())
        self.least = min(self.least, float(values.min()))
        self.greatest = max(self.greatest, float(values.max()))

    @property
    def mean(self) -> float:
        """Return the mean, NaN without values."""
        return self.total / self.number if self.number else math.nan

    def quantile(self, share: float) -> float:
        """Return the beginning of the cell below which ``share`` of the values lie, NaN without values."""
        if not self.number:
            return math.nan
        cell = int(np.searchsorted(np.cumsum(self.counts), max(1, math.ceil(share * self.number))))
        return min(max(cell * self.width, self.least), self.greatest)

    def bars(self, about: int = 30, shown: float = 0.995, upto: float | None = None) -> list[Bar]:
        """Return bars of a round width from 0 to where ``shown`` of the values end.

        Args:
            about: Number of bars that they come near to.
            shown: Share of the values that lie in all bars but the last.
            upto: Where the bars end, in place of ``shown``.
        """
        if not self.number:
            return []
        end = upto if upto is not None else self.quantile(shown) + self.width
        step = _round_up(max(end / about, self.width))
        edges = np.arange(max(1, math.ceil(end / step - 1e-9)) + 1) * step
        cells = np.rint(edges / self.width).astype(np.int64)
        below = np.concatenate([[0], np.cumsum(self.counts)])[np.minimum(cells, len(self.counts))]
        below[-1] = self.number
        shares = np.diff(below) / self.number
        return [
            Bar(float(a), float(b), float(s)) for a, b, s in zip(edges[:-1], edges[1:], shares, strict=True)
        ]


def _round_up(step: float) -> float:
    """Return the least of 1, 2, 5 times a power of ten that is not below ``step``."""
    magnitude = 10.0 ** math.floor(math.log10(step) + 1e-9)
    return next(m * magnitude for m in (1, 2, 5, 10) if m * magnitude >= step * (1 - 1e-9))
