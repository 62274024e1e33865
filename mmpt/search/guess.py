"""Rows that probably have the highest dot products with a query, found without looking at all of them.

The index for distances of :mod:`mmpt.retrieval` serves: among vectors of one length, the nearest has the
highest dot product, and one more number makes every row as long as the longest (Bachrach et al., "Speeding
up the Xbox recommender system using a Euclidean transformation for inner-product spaces", RecSys 2014). It
takes 32 bytes a row; the rows that it names are compared exactly.
"""

import importlib.util
from pathlib import Path
from typing import Self

import numpy as np
import torch
from safetensors.torch import load, save_file

from mmpt.retrieval.faissindex import FaissIndex
from mmpt.utils.files import share_by_umask

__all__ = ["GUESSED", "Guess", "has_faiss"]

GUESSED = 1_000
"""Rows that are named for each query."""


def has_faiss() -> bool:
    """Return whether the package is installed that this needs."""
    return importlib.util.find_spec("faiss") is not None


class Guess:
    """Names rows.

    Args:
        index: Of rows that were made equally long.
        length: That length.
    """

    def __init__(self, index: FaissIndex, length: float) -> None:
        self._index, self._length = index, length

    def __call__(self, query: torch.Tensor) -> torch.Tensor:
        """Return the positions of up to :data:`GUESSED` rows, int64.

        Args:
            query: float32 (D,), of length 1.
        """
        longer = np.zeros((1, _width(len(query))), np.float32)
        longer[0, : len(query)] = query.numpy() * self._length
        return torch.from_numpy(self._index.search(longer, min(GUESSED, len(self._index)))[0])

    @classmethod
    def build(cls, rows: torch.Tensor, longest: float) -> Self:
        """Learn how rows are distributed; takes minutes for 100 000 rows.

        Args:
            rows: float16 (N, D).
            longest: No row is longer.

        Raises:
            MissingDependencyError: If FAISS is not installed.
        """
        count, width = rows.shape
        vectors = np.zeros((count, _width(width)), np.float32)
        vectors[:, :width] = rows.numpy()
        squares = np.einsum("nd,nd->n", vectors, vectors)
        vectors[:, width] = np.sqrt(np.maximum(longest**2 - squares, 0))
        return cls(FaissIndex(vectors, compressed=True), longest)

    def save(self, path: Path) -> None:
        """Write what :meth:`load` reads."""
        save_file({"faiss": torch.from_numpy(self._index.to_bytes())}, path)
        share_by_umask(path)

    @classmethod
    def load(cls, path: Path, longest: float) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            FileNotFoundError: If it is not there.
            MissingDependencyError: If FAISS is not installed.
            DataError: If it is damaged.
        """
        return cls(FaissIndex.from_bytes(load(path.read_bytes())["faiss"].numpy()), longest)


def _width(width: int) -> int:
    """Return a width with room for one more number, which the index can cut into its 32 pieces."""
    return (width // 32 + 1) * 32
