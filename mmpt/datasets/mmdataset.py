"""MMDataset: the four processors put together; item i is a function of (seed, epoch, i).

Comes in: a meta, video, text processor and an aligner. Goes out: model inputs, and a report of what
was left out. The order in which items are asked for, and by how many workers, changes nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from torch.utils.data import Dataset, default_collate

from mmpt.errors import DataError
from mmpt.processors.processor import MetaProcessor
from mmpt.types import Example
from mmpt.utils import get_logger, item_generator

__all__ = ["MMDataset", "collate"]

logger = get_logger(__name__)


class MMDataset(Dataset[Example]):
    """Model inputs of one split.

    Args:
        meta_processor: Lists (video_id, text_id).
        video_processor: Reads a video's features.
        text_processor: Reads or tokenises a text.
        align_processor: Makes the model input.
        seed: Seed of the run.

    Raises:
        DataError: If there is no item.
    """

    def __init__(
        self,
        meta_processor: MetaProcessor,
        video_processor: Callable[..., Any],
        text_processor: Callable[..., Any],
        align_processor: Callable[..., Example],
        seed: int = 0,
    ) -> None:
        self.meta_processor = meta_processor
        self.video_processor = video_processor
        self.text_processor = text_processor
        self.align_processor = align_processor
        self.seed = seed
        self.epoch = 0
        self.report = _report(meta_processor)
        """What the data set holds: ``split``, ``path``, ``items``; ``dropped`` (items that are left out)
        and ``ignored`` (parts of items without effect), both reason -> number."""
        _check_and_warn(self.report, meta_processor)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch; call it before the data loader starts its workers."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.meta_processor)

    def __getitem__(self, index: int) -> Example:
        """Return item ``index`` of the current epoch."""
        rng = item_generator(self.seed, self.epoch, index)
        video_id, text_id = self.meta_processor[index]
        video = _run(self.video_processor, (video_id,), rng)
        text = _run(self.text_processor, (text_id,), rng)
        return _run(self.align_processor, (video_id, video, text), rng)

    def __getitems__(self, indices: Sequence[int]) -> list[Example]:
        """Return the items of a batch; a data loader asks for them together.

        A video processor with ``prefetch(video_ids)`` is told of all of them before the first is
        read, so that a disk or a file server has them all to work on.
        """
        if hasattr(self.video_processor, "prefetch"):
            self.video_processor.prefetch([self.meta_processor[index][0] for index in indices])
        return [self[index] for index in indices]

    def collater(self, samples: Sequence[Example]) -> dict[str, Any]:
        """Join items to a batch as the aligner's ``collate(samples)`` does, or :func:`collate`."""
        return getattr(self.align_processor, "collate", collate)(samples)


def collate(samples: Sequence[Example]) -> dict[str, Any]:
    """Join items to a batch: tensors are stacked, ``video_id`` becomes one list.

    Args:
        samples: Items with the same keys and shapes; tensors (...) or (S, ...).

    Returns:
        Tensors (B, ...) or (B, S, ...), and B or B * S video ids: one per clip.

    Raises:
        DataError: If the items differ in shape, naming two of them.
    """
    batch = {key: _stack(key, samples) for key in samples[0] if key != "video_id"}
    if "video_id" in samples[0]:
        names = [sample["video_id"] for sample in samples]
        batch["video_id"] = [name for each in names for name in ([each] if isinstance(each, str) else each)]
    return batch


def _stack(key: str, samples: Sequence[Any]) -> Any:
    try:
        return default_collate([sample[key] for sample in samples])
    except RuntimeError as error:
        shapes = {tuple(np.shape(sample[key])): sample.get("video_id") for sample in samples}
        if len(shapes) == 1:
            raise
        one, other, *_ = (f"{shape} (video {name})" for shape, name in shapes.items())
        raise DataError(
            f"The '{key}' of a batch have different shapes: {one} and {other}. The features of all videos "
            "must have one width; extract them with one network. Where an item is a whole video in windows, "
            "set fairseq.dataset.batch_size to 1."
        ) from error


def _run(processor: Callable[..., Any], arguments: tuple[Any, ...], rng: np.random.Generator) -> Any:
    if getattr(processor, "uses_rng", False):
        return processor(*arguments, rng=rng)
    return processor(*arguments)


def _report(meta: MetaProcessor) -> dict[str, Any]:
    return {
        "split": getattr(meta, "split", None),
        "path": getattr(meta, "path", None),
        "items": len(meta),
        "dropped": {reason: len(ids) for reason, ids in meta.dropped.items()},
        "ignored": {reason: len(parts) for reason, parts in meta.ignored.items()},
    }


def _check_and_warn(report: dict[str, Any], meta: MetaProcessor) -> None:
    """Refuse an empty split; say in one warning each what is left out of another, and what is ignored."""
    place = f"the split '{report['split']}' ({report['path']})"
    if not report["items"]:
        reasons = _reasons(meta.dropped) or "nothing, the list is empty"
        raise DataError(
            f"No item is left in {place}. Left out: {reasons}. "
            "Correct the list, or the folders that the dataset section of the task file names."
        )
    if meta.dropped:
        count, reasons = sum(report["dropped"].values()), _reasons(meta.dropped)
        logger.warning("%d entries of %s are left out: %s.", count, place, reasons)
    if meta.ignored:
        logger.warning("In %s have no effect: %s.", place, _reasons(meta.ignored))


def _reasons(found: Mapping[str, Sequence[str]]) -> str:
    return "; ".join(f"{len(ids)} {reason} ({_first(ids)})" for reason, ids in found.items())


def _first(ids: Sequence[str]) -> str:
    return ", ".join([*ids[:3], *(["..."] if len(ids) > 3 else [])])
