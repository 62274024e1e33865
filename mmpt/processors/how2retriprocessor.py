"""HowTo100M in batches of several videos: one item is one batch, of neighbours after re-clustering.

The batches are consecutive videos at first; retrieval-augmented training (Xu et al., EMNLP 2021,
section 3.3) replaces them by videos that are close to each other, as hard negatives::

    meta[i] -> ([video, video, ...], the same)  ->  lists of features and captions  ->  N * S clips
"""

import copy
from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np

from mmpt.config import DatasetConfig
from mmpt.errors import ConfigError
from mmpt.processors.aligners import OverlappedAligner, VariedLenAligner
from mmpt.processors.how2processor import (
    ShardedHow2MetaProcessor,
    ShardedTextProcessor,
    ShardedVideo,
    ShardedVideoProcessor,
)
from mmpt.processors.textfiles import needed
from mmpt.types import Example

__all__ = [
    "ShardedHow2VideoRetriMetaProcessor",
    "ShardedVideoRetriTextProcessor",
    "ShardedVideoRetriVideoProcessor",
    "VideoRetriAligner",
    "VideoRetriOverlappedAligner",
]

_ROUND = 8
"""The number of batches is a multiple of this, so that up to 8 workers get equally many."""


class ShardedHow2VideoRetriMetaProcessor(ShardedHow2MetaProcessor):
    """Lists batches of ``num_video_per_batch`` videos.

    The number of batches is rounded down to a multiple of 8 if there are 8; the videos left over
    are recorded in ``dropped``. A split with fewer videos than one batch is one smaller batch.

    Args:
        config: The ``dataset`` section: as for the base class, and ``num_video_per_batch``.
    """

    def __init__(self, config: DatasetConfig) -> None:
        super().__init__(config)
        size = needed(config, "num_video_per_batch", self)
        if size < 1:
            raise ConfigError(f"dataset.num_video_per_batch is {size}; it must be at least 1.")
        count = max(len(self.data) // size, 1)
        count -= count % _ROUND if count > _ROUND else 0
        videos = range(len(self.data))
        self.batches: list[Sequence[int]] = [
            videos[size * batch : size * (batch + 1)] for batch in range(count if videos else 0)
        ]
        left_over = [video.video_id for video, _ in self.data[size * count :]]
        if left_over:
            self.dropped = {**self.dropped, f"left over after {count} batches of {size} videos": left_over}

    def set_candidates(self, candidates: Sequence[Sequence[int]]) -> None:
        """Replace the batches.

        Args:
            candidates: For each batch the positions of its videos (``ShardedVideo.idx``).

        Raises:
            ConfigError: If a batch is empty or a position is out of range.
        """
        for number, batch in enumerate(candidates):
            if not len(batch) or not 0 <= min(batch) <= max(batch) < len(self.data):
                raise ConfigError(
                    f"Batch {number} of the candidates is {list(batch)[:8]}; positions from 0 to "
                    f"{len(self.data) - 1} are allowed, at least one in a batch."
                )
        self.batches = [[int(video) for video in batch] for batch in candidates]

    def one_by_one(self) -> Self:
        """Return a copy whose items are single videos, in the order of their positions."""
        single = copy.copy(self)
        single.batches = [[video] for video in range(len(self.data))]
        single.dropped = {}
        return single

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> tuple[list[ShardedVideo], list[ShardedVideo]]:
        videos = [self.data[video][0] for video in self.batches[index]]
        return videos, videos


class ShardedVideoRetriVideoProcessor(ShardedVideoProcessor):
    """Reads the features of several videos; arguments as :class:`ShardedVideoProcessor`."""

    def __call__(self, video_id: Sequence[ShardedVideo]) -> list[np.ndarray]:  # type: ignore[override]
        """Return one array (seconds, D) per video."""
        return [super(ShardedVideoRetriVideoProcessor, self).__call__(video) for video in video_id]

    def prefetch(self, video_ids: Iterable[Sequence[ShardedVideo]]) -> None:  # type: ignore[override]
        """Have the system fetch the features of items of several videos in the background."""
        super().prefetch(video for item in video_ids for video in item)


class ShardedVideoRetriTextProcessor(ShardedTextProcessor):
    """Reads the captions of several videos; arguments as :class:`ShardedTextProcessor`."""

    def __call__(self, text_id: Sequence[ShardedVideo]) -> list[dict[str, Any]]:  # type: ignore[override]
        """Return ``start``, ``end`` and ``cap`` per video."""
        return [super(ShardedVideoRetriTextProcessor, self).__call__(video) for video in text_id]


class VideoRetriAligner(VariedLenAligner):
    """VariedLenAligner for a list of N videos: tensors with a leading N * S, video after video."""

    def __call__(
        self, video_id: Any, video_feature: Any, text_feature: Any, *, rng: np.random.Generator
    ) -> Example:
        """Return S clips of each video of the lists."""
        return self.align(video_id, video_feature, text_feature, rng)


class VideoRetriOverlappedAligner(OverlappedAligner):
    """OverlappedAligner for a list of N videos: tensors with a leading N * S, video after video."""

    def __call__(
        self, video_id: Any, video_feature: Any, text_feature: Any, *, rng: np.random.Generator
    ) -> Example:
        """Return S clips of each video of the lists."""
        return self.align(video_id, video_feature, text_feature, rng)
