"""The settings of retrieval-augmented training, checked."""

from dataclasses import dataclass
from typing import Any, Self

from mmpt.catalog import RETRIEVERS, VECTOR_POOLS
from mmpt.config import TaskConfig
from mmpt.errors import ConfigError
from mmpt.retrieval.retriever import IndexKind, choose_index

__all__ = ["RetrievalSettings"]


@dataclass(frozen=True)
class RetrievalSettings:
    """What a task file says about batches of neighbours."""

    first_epoch: int
    """First epoch with batches of neighbours (``retri_epoch``)."""
    size: int
    """Videos in a batch (``dataset.num_video_per_batch``)."""
    candidates: int
    """Neighbours that a batch is drawn from (``num_cands``)."""
    pool: Any
    """Class of the vector pool (``vectorpool_cls``)."""
    retriever: Any
    """Class of the retriever (``retriever_cls``)."""
    index: IndexKind
    """Kind of index (``retri_index``)."""

    @classmethod
    def of(cls, config: TaskConfig, videos: int) -> Self:
        """Return the settings of a task file for a number of videos.

        Raises:
            ConfigError: If one is missing or unknown, or a batch has more videos than candidates.
            MissingDependencyError: If ``retri_index`` needs FAISS, which is not installed.
        """
        epoch, size, candidates = config.retri_epoch, config.dataset.num_video_per_batch, config.num_cands
        pool, retriever = config.vectorpool_cls, config.retriever_cls
        if epoch is None or size is None or candidates is None or pool is None or retriever is None:
            raise ConfigError(
                f"The task '{config.task}' needs retri_epoch (given: {epoch}), num_cands ({candidates}), "
                f"vectorpool_cls ({pool}), retriever_cls ({retriever}) "
                f"and dataset.num_video_per_batch ({size})."
            )
        if candidates < size:
            raise ConfigError(
                f"num_cands is {candidates}, and the {size} videos of a batch (dataset.num_video_per_batch) "
                f"are drawn from so many neighbours. Set it to {2 * size} or so, at least {size}."
            )
        return cls(
            first_epoch=epoch,
            size=size,
            candidates=candidates,
            pool=VECTOR_POOLS.get(pool),
            retriever=RETRIEVERS.get(retriever),
            index=choose_index(config.retri_index, videos),
        )
