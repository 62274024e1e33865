"""Retrieval-augmented batches: vectors of videos, neighbours among them, batches of neighbours.

::

    model --VideoVectorPool--> vectors (N, D) --VectorRetriever--> neighbours --> batches of videos

:class:`mmpt.tasks.retritask.RetriTask` puts the parts together before an epoch.
"""

from typing import Any

from mmpt.catalog import RETRIEVERS, VECTOR_POOLS
from mmpt.registry import unknown_attribute
from mmpt.retrieval.neighbours import neighbour_batches
from mmpt.retrieval.retriever import VectorRetriever, choose_index
from mmpt.retrieval.vectorpool import VideoVectorPool

__all__ = ["VectorRetriever", "VideoVectorPool", "choose_index", "neighbour_batches"]


def __getattr__(name: str) -> Any:
    raise unknown_attribute(__name__, name, VECTOR_POOLS, RETRIEVERS)
