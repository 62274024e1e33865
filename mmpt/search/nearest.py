"""The rows with the highest dot products, exactly, at the speed at which memory is read.

A first pass multiplies in float16, as the rows are stored; it errs by a known bound. The rows that could be
among the best within that bound are computed again in float64. What comes out is what computing all rows in
float64 gives (:class:`mmpt.retrieval.exact.ExactIndex` is for many queries at a time, in float32).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch

__all__ = ["LONGEST", "Matrix", "Rows", "best_rows", "dot_products"]

LONGEST = 60_000.0
"""Rows may have this length at most, so that no product leaves float16."""
_ROUNDING = 2.0**-10
"""Bound of what the first pass errs by, for vectors of length 1: half of it is the rounding of a product to
float16, and sums of up to 8 000 terms in float32 stay within the other half."""
_AT_ONCE = 8192
"""Rows computed again at a time."""


class Matrix(NamedTuple):
    """Rows to choose from."""

    rows: torch.Tensor
    """float16 (N, D)"""
    longest: float
    """No row is longer."""
    without: Sequence[slice] = ()
    """Rows that do not count."""
    guess: Callable[[torch.Tensor], torch.Tensor] | None = None
    """From a query of length 1 to the rows that are compared with it; None: all are."""


class Rows(NamedTuple):
    """Rows of several matrices, best first."""

    matrix: np.ndarray
    """int64 (K,)"""
    row: np.ndarray
    """int64 (K,)"""
    score: np.ndarray
    """float32 (K,)"""


def dot_products(rows: torch.Tensor, query: torch.Tensor) -> np.ndarray:
    """Return the dot products of rows with a vector, computed in float64 and rounded to float32.

    Args:
        rows: float16 (N, D).
        query: float32 (D,).
    """
    parts = [part.double() @ query.double() for part in rows.split(_AT_ONCE)]
    return torch.cat(parts).float().numpy()


def best_rows(matrices: Sequence[Matrix], query: torch.Tensor, count: int) -> Rows:
    """Return the ``count`` rows with the highest dot products, and all that equal the last of them.

    Args:
        matrices: Any number.
        query: float32 (D,).
        count: At least 1; with fewer rows all are returned.
    """
    unit = query / (query.norm() or 1.0)
    half = unit.half()
    compared = [_first_pass(matrix, unit, half) for matrix in matrices]
    scores = torch.cat([torch.empty(0), *(each for _, each in compared)])
    count = min(count, int((scores > -torch.inf).sum()))
    if not count:
        return Rows(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
    # At least `count` products are above least - error, and no row of a product below that is among the best.
    error = max(matrix.longest for matrix in matrices) * (_ROUNDING + float((half.float() - unit).norm()))
    least = max(float(scores.topk(count).values[-1]) - 2 * error, torch.finfo(scores.dtype).min)
    chosen = []
    for rows, each in compared:
        places = (each >= least).nonzero().flatten()
        chosen.append(places if rows is None else rows[places])
    found = Rows(
        np.repeat(np.arange(len(matrices)), [len(rows) for rows in chosen]),
        torch.cat(chosen).numpy(),
        np.concatenate(
            [
                dot_products(matrix.rows[rows], query)
                for matrix, rows in zip(matrices, chosen, strict=True)
                if len(rows)
            ]
        ),
    )
    best = np.lexsort((found.row, found.matrix, -found.score))
    best = best[found.score[best] >= found.score[best[count - 1]]]
    return Rows(*(column[best] for column in found))


def _first_pass(
    matrix: Matrix, unit: torch.Tensor, half: torch.Tensor
) -> tuple[torch.Tensor | None, torch.Tensor]:
    """Return which rows are compared, or None for all, and about what their products are."""
    if matrix.guess is None:
        scores = (matrix.rows @ half).float()
        for rows in matrix.without:
            scores[rows] = -torch.inf
        return None, scores
    guessed = matrix.guess(unit)
    for rows in matrix.without:
        guessed = guessed[(guessed < rows.start) | (guessed >= rows.stop)]
    return guessed, torch.from_numpy(dot_products(matrix.rows[guessed], unit))
