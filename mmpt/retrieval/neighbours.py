"""Batches of videos that are close to each other (VideoCLIP, Xu et al., EMNLP 2021, section 3.3)."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Retriever", "neighbour_batches"]


class Retriever(Protocol):
    """What finds neighbours; see :class:`mmpt.retrieval.VectorRetriever`."""

    def search(self, queries: NDArray[np.float32], k: int) -> NDArray[np.int64]:
        """Return the positions of the ``k`` vectors nearest to each query."""


def neighbour_batches(
    retriever: Retriever,
    vectors: NDArray[np.float32],
    *,
    batches: int,
    size: int,
    candidates: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Draw ``batches`` centres, and for each ``size`` of its ``candidates`` nearest videos (Algorithm 1).

    The centre is one of its own neighbours and gets no special place.

    Args:
        retriever: Finds neighbours among ``vectors``.
        vectors: One per video, float32 (N, D).
        batches: How many batches to draw; their centres are different videos if there are as many.
        size: Videos in a batch; with fewer videos or candidates all of them.
        candidates: Nearest videos that a batch is drawn from.
        rng: Source of all randomness.

    Returns:
        Positions of videos, int64 (batches, size), no video twice in a batch.
    """
    centres = rng.choice(len(vectors), batches, replace=batches > len(vectors))
    neighbours = retriever.search(vectors[centres], candidates)
    return rng.permuted(neighbours, axis=1)[:, :size]
