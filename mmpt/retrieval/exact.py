"""Exact nearest neighbours with numpy: no index to build, no further package."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["ExactIndex"]

_DISTANCES_AT_ONCE = 1 << 25
"""Distances computed in one step: 128 MB of float32."""


class ExactIndex:
    """Compares every query with every vector.

    Args:
        vectors: float32 (N, D); kept, not copied.
    """

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        self.vectors = vectors
        self._squares = np.einsum("nd,nd->n", vectors, vectors)

    def search(self, queries: NDArray[np.float32], k: int) -> NDArray[np.int64]:
        """Return the positions of the ``k`` nearest vectors, nearest first, equally near ones by position.

        Where more are as near as the last one, any of them is taken.

        Args:
            queries: float32 (Q, D).
            k: At most N.

        Returns:
            int64 (Q, k).
        """
        found = np.empty((len(queries), k), dtype=np.int64)
        step = max(1, _DISTANCES_AT_ONCE // len(self.vectors))
        for first in range(0, len(queries), step):
            # |q - v|^2 = |v|^2 - 2 q.v + |q|^2, and |q|^2 is the same for all v.
            distances = queries[first : first + step] @ self.vectors.T
            distances *= -2
            distances += self._squares
            nearest = np.sort(np.argpartition(distances, k - 1, axis=1)[:, :k], axis=1)
            order = np.argsort(np.take_along_axis(distances, nearest, axis=1), axis=1, kind="stable")
            found[first : first + step] = np.take_along_axis(nearest, order, axis=1)
        return found
