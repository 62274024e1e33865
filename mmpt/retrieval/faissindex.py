"""Approximate nearest neighbours with FAISS: the one place that knows it.

Both indexes sort the vectors into the cells of k-means centroids and search the cells nearest to a
query (Jegou et al., "Product quantization for nearest neighbor search", PAMI 2011):

``flatl2``  IVF-Flat: the cells hold the vectors.
``pq``      IVF,HNSW32,PQ32: the cells hold 32 bytes a vector and are found through a graph (Malkov and
            Yashunin, PAMI 2018): 1/96 of the memory at width 768, less exact.

The result is a function of the vectors: seeds are fixed, and the graph, which depends on the order in
which threads insert, is built by one thread.
"""

import math
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mmpt.errors import DataError
from mmpt.utils.optional import require

__all__ = ["FaissIndex"]

_FEWEST, _MOST = 39, 64
"""Vectors that a centroid is learnt from. FAISS advises 39 to 256; learning is most of the time, and with
more than 64 no neighbour more is found."""
_ROUNDS = 10
"""Rounds of k-means, FAISS's own number for cells."""
_LEAST_SEARCHED, _SHARE_SEARCHED = 8, 16
"""So many cells are searched, or 1 in 16 if that is more."""
_CODE_BYTES, _CODE_VALUES, _GRAPH_LINKS = 32, 256, 32


class FaissIndex:
    """An index over cells; with fewer vectors than a full index has centroids it has fewer, down to one.

    Args:
        vectors: float32 (N, D).
        compressed: Keep 32 bytes a vector (``pq``) instead of the vectors (``flatl2``).

    Raises:
        MissingDependencyError: If FAISS is not installed.
    """

    def __init__(self, vectors: NDArray[np.float32], compressed: bool) -> None:
        self._faiss = require("faiss", "index", "search with the indexes 'flatl2' and 'pq'")
        count, width = vectors.shape
        self._set_cells(max(1, min(round(4 * math.sqrt(count)), count // _FEWEST)))
        build = self._compressed if compressed else self._flat
        self._index = build(vectors, width)
        self._index.add(vectors)

    def search(self, queries: NDArray[np.float32], k: int) -> NDArray[np.int64]:
        """Return the positions of about the ``k`` nearest vectors, nearest first.

        Where the cells searched hold fewer than ``k``, twice as many are searched, until all are.

        Args:
            queries: float32 (Q, D).
            k: At most N.

        Returns:
            int64 (Q, k).

        Raises:
            DataError: If a query has no ``k`` nearest vectors: it is not finite, or ``k`` exceeds N.
        """
        found = np.full((len(queries), k), -1, dtype=np.int64)
        probes = self._probes
        while len(short := np.flatnonzero((found < 0).any(axis=1))):
            if probes >= 2 * self.cells:
                raise DataError(
                    f"Query {short[0]} has no {k} nearest of the {len(self)} vectors; give finite numbers, "
                    "and ask for no more neighbours than there are vectors."
                )
            self._index.nprobe = min(probes, self.cells)
            search = self._index.search if probes < self.cells else self._search_all_cells
            found[short] = search(queries[short], k)[1]
            probes *= 2
        return found

    def _search_all_cells(self, queries: NDArray[np.float32], k: int) -> Any:
        """Search without the graph of the compressed index, in which some cells may have no way to them."""
        centres = self._faiss.IndexFlatL2(queries.shape[1])
        centres.add(self._index.quantizer.reconstruct_n(0, self.cells))
        distances, cells = centres.search(queries, self.cells)
        return self._index.search_preassigned(queries, k, cells, distances)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def to_bytes(self) -> NDArray[np.uint8]:
        """Return all that :meth:`from_bytes` needs, (bytes,)."""
        return self._faiss.serialize_index(self._index)

    @classmethod
    def from_bytes(cls, stored: NDArray[np.uint8]) -> Self:
        """Return the index that :meth:`to_bytes` was called on.

        Raises:
            MissingDependencyError: If FAISS is not installed.
            DataError: If the bytes are no index.
        """
        self = cls.__new__(cls)
        self._faiss = require("faiss", "index", "search with a stored index")
        try:
            self._index = self._faiss.deserialize_index(np.ascontiguousarray(stored))
        except RuntimeError as error:
            raise DataError(f"A stored index of FAISS is damaged ({str(error)[:100]}).") from error
        self._set_cells(self._index.nlist)
        return self

    def _set_cells(self, cells: int) -> None:
        self.cells = cells
        self._probes = min(cells, max(_LEAST_SEARCHED, cells // _SHARE_SEARCHED))

    def _flat(self, vectors: NDArray[np.float32], width: int) -> Any:
        centres = self._faiss.IndexFlatL2(width)
        centres.add(self._centroids(vectors))
        index = self._faiss.IndexIVFFlat(centres, width, self.cells)
        index.train(vectors)
        return index

    def _compressed(self, vectors: NDArray[np.float32], width: int) -> Any:
        centres = self._faiss.IndexHNSWFlat(width, _GRAPH_LINKS)
        threads = self._faiss.omp_get_max_threads()
        self._faiss.omp_set_num_threads(1)
        try:
            centres.add(self._centroids(vectors))
        finally:
            self._faiss.omp_set_num_threads(threads)
        centres.hnsw.efSearch = 2 * self._probes
        pieces = max(n for n in range(1, _CODE_BYTES + 1) if width % n == 0)
        index = self._faiss.IndexIVFPQ(centres, width, self.cells, pieces, _CODE_VALUES.bit_length() - 1)
        index.pq.cp.min_points_per_centroid, index.pq.cp.max_points_per_centroid = 1, _MOST
        # A code needs 256 vectors to learn from; fewer are repeated.
        index.train(np.resize(vectors, (max(len(vectors), _CODE_VALUES), width)))
        return index

    def _centroids(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        kmeans = self._faiss.Kmeans(
            vectors.shape[1],
            self.cells,
            niter=_ROUNDS,
            min_points_per_centroid=1,
            max_points_per_centroid=_MOST,
            seed=1234,
        )
        kmeans.train(vectors)
        return kmeans.centroids
