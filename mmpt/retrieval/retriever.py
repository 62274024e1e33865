"""VectorRetriever: the vectors nearest to a vector, with FAISS or without."""

import importlib.util
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mmpt.errors import ConfigError, DataError
from mmpt.registry import nearest
from mmpt.retrieval.exact import ExactIndex
from mmpt.retrieval.faissindex import FaissIndex
from mmpt.utils.optional import require

__all__ = ["IndexKind", "VectorRetriever", "choose_index"]

IndexKind = Literal["flatl2", "pq", "exact"]


_EXACT_UP_TO = 100_000
"""Up to so many vectors, comparing all takes less time than building an index (benchmarks/RESULTS.md)."""


def choose_index(kind: str | None, count: int) -> IndexKind:
    """Return the kind of index to use.

    Args:
        kind: What the user wants; None for ``flatl2`` if there are more than 100 000 vectors and FAISS
            is installed, else ``exact``.
        count: Number of vectors.

    Raises:
        ConfigError: If the kind is unknown.
        MissingDependencyError: If it needs FAISS, which is not installed.
    """
    if kind is None:
        return "flatl2" if count > _EXACT_UP_TO and importlib.util.find_spec("faiss") else "exact"
    kinds = get_args(IndexKind)
    if kind not in kinds:
        hint = f"; did you mean '{close}'?" if (close := nearest(kind, kinds)) else ";"
        raise ConfigError(f"retri_index is '{kind}'{hint} allowed are {', '.join(kinds)}.")
    if kind != "exact":
        require("faiss", "index", f"search with the index '{kind}' (retri_index)")
    return kind  # type: ignore[return-value]


class VectorRetriever:
    """Finds the vectors with the smallest Euclidean distance to a query.

    Args:
        vectors: float32 (N, D).
        kind: ``flatl2`` (FAISS IVF-Flat), ``pq`` (FAISS IVF,HNSW32,PQ32), ``exact`` (numpy), or None,
            see :func:`choose_index`.

    Attributes:
        kind: The kind that was chosen.

    Raises:
        ConfigError: If the kind is unknown.
        DataError: If there is no vector, or one is not finite.
        MissingDependencyError: If the kind needs FAISS, which is not installed.
    """

    def __init__(self, vectors: NDArray[np.float32], kind: str | None = None) -> None:
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        if vectors.ndim != 2 or not vectors.size:
            raise DataError(f"An index is made of vectors (N, D), at least one; given is {vectors.shape}.")
        broken = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
        if len(broken):
            raise DataError(
                f"{len(broken)} of {len(vectors)} vectors are not finite, the first at position {broken[0]}. "
                "Look for NaN in the video features; or training diverged: lower the learning rate and go "
                "on from an earlier checkpoint."
            )
        self._count = len(vectors)
        self.kind = choose_index(kind, self._count)
        self._index: ExactIndex | FaissIndex = (
            ExactIndex(vectors) if self.kind == "exact" else FaissIndex(vectors, self.kind == "pq")
        )

    def search(self, queries: NDArray[np.float32], k: int) -> NDArray[np.int64]:
        """Return the positions of the nearest vectors, nearest first.

        Args:
            queries: float32 (Q, D).
            k: How many; with fewer vectors all of them.

        Returns:
            int64 (Q, min(k, N)).
        """
        queries = np.ascontiguousarray(queries, dtype=np.float32)
        return self._index.search(queries, min(k, self._count))
