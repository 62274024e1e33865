"""Retrieval-augmented training: before an epoch, videos that are alike are put into one batch.

The negatives of a contrastive loss are the other clips of a batch; neighbours make them hard
(VideoCLIP, Xu et al., EMNLP 2021, section 3.3, Algorithm 1)::

    weights --embed every video--> vectors --index--> neighbours --draw--> batches of the epoch

The batches are a function of (seed, epoch, weights): not of the number of processes or loader workers,
and a run that was interrupted between epochs makes the same ones again. A checkpoint in the middle of
an epoch holds that epoch's batches, since its weights are no longer those that they were made with.
"""

import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mmpt.config import TaskConfig
from mmpt.datasets import MMDataset
from mmpt.errors import ConfigError
from mmpt.models.checkpoint import weights_digest
from mmpt.retrieval.embedding import embed_videos, part_size
from mmpt.retrieval.fingerprint import fingerprint
from mmpt.retrieval.neighbours import neighbour_batches
from mmpt.retrieval.processes import Processes
from mmpt.retrieval.settings import RetrievalSettings
from mmpt.tasks.task import Task
from mmpt.utils import get_logger, item_generator
from mmpt.utils.device import move_batch

__all__ = ["RetriTask", "VideoRetriTask"]

logger = get_logger(__name__)


class RetriTask(Task):
    """A task whose batches are neighbours, from epoch ``retri_epoch`` on.

    Args:
        config: The task file; see :class:`RetrievalSettings` for the keys. ``dataset.clip_per_video`` says
            how many clips the vector of a video is the mean of.
    """

    def __init__(self, config: TaskConfig) -> None:
        super().__init__(config)
        self._state: dict[str, Any] = {}

    @cached_property
    def _processes(self) -> Processes:
        return Processes()

    def prepare_epoch(self, epoch: int, dataset: MMDataset, folder: Path, num_workers: int = 0) -> None:
        """Give ``dataset`` the batches of ``epoch``; before ``retri_epoch`` it keeps those that it has.

        Runs in all processes at once. The first one draws the batches and sends them to the others.

        Args:
            epoch: Number of the epoch, from 1.
            dataset: The training data; its meta processor lists batches of videos.
            folder: For the vectors, which stay there until the next epoch; shared by all processes.
            num_workers: Processes that load data.

        Raises:
            ConfigError: If a setting is missing, or the meta processor does not list batches of videos.
            DataError: If a vector is missing or not finite.
            MissingDependencyError: If ``retri_index`` needs FAISS, which is not installed.
        """
        videos = self._one_by_one(dataset, epoch)
        settings = RetrievalSettings.of(self.config, len(videos))
        if epoch < settings.first_epoch:
            return
        items = (videos.meta_processor[item] for item in range(len(videos)))
        key = fingerprint([dataset.seed, epoch, len(dataset), settings.size, *items])
        batches = self._processes.from_first(lambda: self._saved_batches(key))
        if batches is None:
            pool, seconds = self._embed(videos, settings, key, folder, num_workers)
            batches = self._processes.from_first(
                lambda: self._draw(pool, videos, settings, len(dataset), seconds)
            )
        meta: Any = dataset.meta_processor
        meta.set_candidates(batches.tolist())
        self._state = {"key": key, "batches": batches}

    def epoch_state(self) -> dict[str, Any]:
        """Return the batches of the epoch that runs, for the checkpoint."""
        return dict(self._state)

    def load_epoch_state(self, state: Mapping[str, Any]) -> None:
        """Take the batches of a checkpoint; they are used if its epoch goes on over the same videos."""
        found = torch.is_tensor(state.get("batches"))
        # A copy: the checkpoint's own tensor is mapped from the file.
        self._state = {"key": state.get("key"), "batches": state["batches"].clone()} if found else {}

    def _saved_batches(self, key: str) -> torch.Tensor | None:
        return self._state["batches"] if self._state.get("key") == key else None

    def _one_by_one(self, dataset: MMDataset, epoch: int) -> MMDataset:
        """Return the videos of a data set of batches as items of their own, in ``epoch``."""
        meta: Any = dataset.meta_processor
        if not (hasattr(meta, "set_candidates") and hasattr(meta, "one_by_one")):
            raise ConfigError(
                f"The task '{self.config.task}' needs a dataset.meta_processor that lists batches of videos, "
                f"such as ShardedHow2VideoRetriMetaProcessor; given is {type(meta).__name__}."
            )
        videos = MMDataset(
            meta.one_by_one(),
            dataset.video_processor,
            dataset.text_processor,
            dataset.align_processor,
            dataset.seed,
        )
        videos.set_epoch(epoch)
        return videos

    def _embed(
        self, videos: MMDataset, settings: RetrievalSettings, key: str, folder: Path, num_workers: int
    ) -> tuple[Any, float]:
        """Return the pool with the vectors of all videos, and the seconds that it took."""
        begin, model = time.perf_counter(), self.model
        assert model is not None, "the model is built before the first epoch"
        config = self.config
        facts = [key, config.dataset, config.model.autocast, config.vectorpool_cls, weights_digest(model)]
        part = part_size(len(videos), settings.size, self._processes.count)
        pool = settings.pool(folder, fingerprint(facts), len(videos), part)
        was_training = model.training
        model.eval()
        try:
            embed_videos(
                pool,
                videos,
                lambda batch: self._vectors(model, batch, pool),
                size=settings.size,
                processes=self._processes,
                num_workers=num_workers,
            )
        finally:
            model.train(was_training)
        return pool, time.perf_counter() - begin

    # Not inference_mode: tensors that a model keeps would be of no use in training.
    @torch.no_grad()
    def _vectors(self, model: nn.Module, batch: Mapping[str, Any], pool: Any) -> torch.Tensor:
        """Return the vectors of a batch of videos, (videos, D)."""
        weight = next(model.parameters())
        with self._autocast(model):
            outputs = self.forward(model, move_batch(batch, weight.device, weight.dtype))
        if not {"pooled_video", "pooled_text"} <= outputs.keys():
            raise ConfigError(
                f"The task '{self.config.task}' needs a model that returns pooled_video and pooled_text, "
                f"such as MMFusionSeparate; model.model_cls is '{self.config.model.model_cls}'."
            )
        clips = outputs["pooled_video"].float(), outputs["pooled_text"].float()
        return pool.pool(*clips, len(batch["vfeats"]))

    def _draw(
        self, pool: Any, videos: MMDataset, settings: RetrievalSettings, count: int, seconds: float
    ) -> torch.Tensor:
        """Return ``count`` batches of neighbours, int64 (count, videos in a batch)."""
        begin, vectors = time.perf_counter(), pool.read()
        batches = neighbour_batches(
            settings.retriever(vectors, settings.index),
            vectors,
            batches=count,
            size=settings.size,
            candidates=settings.candidates,
            # A stream of its own: item 0 has the first one.
            rng=item_generator(videos.seed, videos.epoch, 0).spawn(1)[0],
        )
        logger.info(
            "epoch %d: embedded %d videos in %.1f s; drew %d batches of %d videos, each out of %d "
            "neighbours, in %.1f s (index %s)",
            videos.epoch,
            len(videos),
            seconds,
            *batches.shape,
            min(settings.candidates, len(videos)),
            time.perf_counter() - begin,
            settings.index,
        )
        return torch.from_numpy(batches)


class VideoRetriTask(RetriTask):
    """RetriTask with VideoVectorPool and VectorRetriever where the task file names no other classes."""

    def __init__(self, config: TaskConfig) -> None:
        super().__init__(
            config.replace(
                vectorpool_cls=config.get("vectorpool_cls", "VideoVectorPool"),
                retriever_cls=config.get("retriever_cls", "VectorRetriever"),
            )
        )
