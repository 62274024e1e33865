"""FairseqMMDataset: an :class:`mmpt.datasets.MMDataset` as fairseq's trainer wants it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from fairseq.data import FairseqDataset

from mmpt.datasets import MMDataset
from mmpt.errors import ConfigError

__all__ = ["FairseqMMDataset"]


class FairseqMMDataset(FairseqDataset):
    """Batches of ``--batch-size`` items; in training a new order and new clips in every epoch.

    Order and samples depend on (seed, epoch, index) only, so that neither the number of workers nor
    a restart changes them.

    Args:
        mmdataset: The data set.
        shuffle: True for training. Otherwise the order is fixed and the epoch stays 0.
    """

    can_reuse_epoch_itr_across_epochs = False
    """Batches are made anew in each epoch, and loader workers start with the epoch's number."""

    def __init__(self, mmdataset: MMDataset, shuffle: bool = True) -> None:
        super().__init__()
        self.mmdataset = mmdataset
        self.shuffle = shuffle
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Draw the samples and the order of training epoch ``epoch``."""
        self.epoch = epoch if self.shuffle else 0
        self.mmdataset.set_epoch(self.epoch)

    def __len__(self) -> int:
        return len(self.mmdataset)

    def __getitem__(self, index: int) -> Any:
        return self.mmdataset[int(index)]

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        return self.mmdataset.__getitems__([int(index) for index in indices])

    def collater(self, samples: Sequence[Any]) -> Any:
        """Make a batch of samples; an empty list stands for "no batch left for this worker"."""
        return self.mmdataset.collater(samples) if samples else {}

    def ordered_indices(self) -> np.ndarray:
        """Return the order of this epoch, int64 (N,)."""
        if not self.shuffle:
            return np.arange(len(self), dtype=np.int64)
        return np.random.default_rng((self.mmdataset.seed, self.epoch)).permutation(len(self))

    def batch_by_size(
        self,
        indices: np.ndarray,
        max_tokens: int | None = None,
        max_sentences: int | None = None,
        required_batch_size_multiple: int = 1,
    ) -> list[np.ndarray]:
        """Cut the order into batches of ``--batch-size`` items; the last one holds what is left.

        Where the meta processor tells the ``kind(index)`` of an item, a batch holds items of one kind.
        All items of a kind have the same shape, so sizes play no part. fairseq's own version would need its
        compiled extension, round the batch size down to a multiple of 8 and drop the last batch.

        Raises:
            ConfigError: If ``--batch-size`` is not given.
        """
        if max_sentences is None:
            raise ConfigError(
                "Give the number of items in a batch: fairseq.dataset.batch_size in the task file, or "
                "--batch-size. Batches by --max-tokens are not supported."
            )
        return [
            group[start : start + max_sentences]
            for group in self._by_kind(indices)
            for start in range(0, len(group), max_sentences)
        ]

    def _by_kind(self, indices: np.ndarray) -> list[np.ndarray]:
        kind = getattr(self.mmdataset.meta_processor, "kind", None)
        if kind is None:
            return [indices]
        groups: dict[Any, list[int]] = {}
        for index in indices.tolist():
            groups.setdefault(kind(index), []).append(index)
        return [np.array(group, dtype=np.int64) for group in groups.values()]

    def num_tokens(self, index: int) -> int:
        """Return 1: all items have the same shape."""
        return 1

    def size(self, index: int) -> int:
        """Return 1: all items have the same shape."""
        return 1
