"""The four kinds of processors that turn a data set into model inputs, and their plain versions.

::

    MetaProcessor[i] -> (video_id, text_id)
                          |           |
              VideoProcessor     TextProcessor
                          |           |
                          Aligner(video_id, video, text) -> Example

Your own classes derive from these bases, keep the constructor ``__init__(self, config)`` with the
``dataset`` section of the task, and are registered in :mod:`mmpt.catalog`'s registries. A class
that draws random numbers says ``uses_rng = True`` and takes the keyword ``rng``.
"""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from mmpt.config import DatasetConfig
from mmpt.errors import ConfigError, DataError
from mmpt.processors.captiontrack import flatten
from mmpt.processors.layout import SequenceLayout
from mmpt.processors.textfiles import needed
from mmpt.store.npyfile import read_array
from mmpt.utils.tokenizer import load_tokenizer

__all__ = ["Aligner", "MetaProcessor", "Processor", "TextProcessor", "VideoProcessor", "name_of", "split_of"]

SPLIT_PATHS = {"train": "train_path", "valid": "val_path", "test": "test_path"}
"""Split -> the key of ``dataset`` that names its list."""


class Processor:
    """Base of all processors."""

    uses_rng: ClassVar[bool] = False
    """True if ``__call__`` takes the keyword ``rng``, a numpy Generator, for all its randomness."""


class MetaProcessor(Processor):
    """Lists the (video_id, text_id) pairs of a split.

    Subclasses fill ``self.data`` or override ``__len__`` and ``__getitem__``, and record in
    ``self.dropped`` what they leave out. One that has a ``kind(index)`` gets training batches of one kind.

    Args:
        config: The ``dataset`` section, its ``split`` set.

    Raises:
        ConfigError: If the split is unknown.
    """

    data: Sequence[Any] = ()
    dropped: Mapping[str, Sequence[str]] = {}
    """Reason -> ids that are in the list and cannot be used. Reported in one warning by MMDataset."""
    ignored: Mapping[str, Sequence[str]] = {}
    """Reason -> parts of items, such as annotated segments, that have no effect; their items stay.
    Reported like ``dropped``."""

    def __init__(self, config: DatasetConfig) -> None:
        self.split = split_of(config)
        self.path = self.split_path(config)

    def split_path(self, config: DatasetConfig) -> str:
        """Return the list of the split.

        Raises:
            ConfigError: If its key is not set.
        """
        key = SPLIT_PATHS[self.split]
        path = getattr(config, key)
        if path is None:
            raise ConfigError(f"The split '{self.split}' needs dataset.{key}, which is not set.")
        return path

    def drop(self, reason: str, unusable: Callable[[str], bool]) -> None:
        """Move entries of ``self.data`` whose video is unusable to ``self.dropped``."""
        self.drop_entries(reason, lambda video_id, _: unusable(name_of(video_id)))

    def drop_entries(self, reason: str, unusable: Callable[[Any, Any], bool]) -> None:
        """Move entries (video_id, text_id) of ``self.data`` that are unusable to ``self.dropped``."""
        useless = [unusable(*entry) for entry in self.data]
        entries = list(zip(self.data, useless, strict=True))
        dropped = [name_of(entry[0]) for entry, is_useless in entries if is_useless]
        if dropped:
            self.dropped = {**self.dropped, reason: dropped}
            self.data = [entry for entry, is_useless in entries if not is_useless]

    def drop_missing_features(self, vfeat_dir: str | None) -> None:
        """Move entries of ``self.data`` without a ``<vfeat_dir>/<video_id>.npy`` to ``self.dropped``.

        Raises:
            DataError: If the folder does not exist.
        """
        if vfeat_dir is None:
            return
        if not os.path.isdir(vfeat_dir):
            raise DataError(
                f"dataset.vfeat_dir '{vfeat_dir}' is no folder; extract the video features first."
            )
        found = {entry.name for entry in os.scandir(vfeat_dir)}
        self.drop(f"without a feature file in {vfeat_dir}", lambda video: f"{video}.npy" not in found)

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self.data[index]


class VideoProcessor(Processor):
    """Reads the features of one video from ``<vfeat_dir>/<video_id>.npy``.

    Args:
        config: The ``dataset`` section.

    Raises:
        ConfigError: If ``vfeat_dir`` is not set.
    """

    def __init__(self, config: DatasetConfig) -> None:
        self.vfeat_dir = Path(needed(config, "vfeat_dir", self))

    def __call__(self, video_id: str | tuple[str, float, float]) -> np.ndarray:
        """Return the features of a video (seconds, D), or of its part ``(id, start, end)``.

        A part runs from the second in which it starts to the second in which it ends.

        Raises:
            DataError: If the file is missing or broken, or the part lies outside the video.
        """
        path = self.vfeat_dir / f"{name_of(video_id)}.npy"
        feature = read_array(path)
        if feature.ndim != 2 or not len(feature):
            raise DataError(
                f"The file {path} holds an array of shape {feature.shape}; one feature vector per second, "
                "(seconds, D) with at least one second, is expected."
            )
        if isinstance(video_id, str):
            return feature
        _, start, end = video_id
        part = feature[max(math.floor(start), 0) : math.ceil(end)]
        if not len(part):
            raise DataError(
                f"Seconds {start} to {end} of {path} are asked for, and it has {len(feature)} seconds."
            )
        return part


class TextProcessor(Processor):
    """Turns a sentence into token ids.

    Args:
        config: The ``dataset`` section: ``bert_name`` and ``use_fast`` choose the tokenizer.
    """

    def __init__(self, config: DatasetConfig) -> None:
        self.tokenizer = load_tokenizer(config.bert_name, config.use_fast)

    def __call__(self, text_id: str) -> Any:
        """Return the ids of a sentence without special tokens, a list of int.

        Raises:
            DataError: If it is no text, such as the NaN of an empty table cell.
        """
        if not isinstance(text_id, str):
            raise DataError(f"A text is {text_id!r} ({type(text_id).__name__}); a string is expected.")
        return self.tokenizer(text_id, add_special_tokens=False)["input_ids"]


class Aligner(Processor):
    """Knows the sequence layout; the aligners are made on it.

    A subclass adds ``__call__(video_id, video_feature, text_feature) -> Example``, and may add
    ``collate(samples) -> batch`` for examples that do not stack.

    Args:
        config: The ``dataset`` section: ``bert_name``, ``max_video_len``, ``max_len``.
    """

    def __init__(self, config: DatasetConfig) -> None:
        tokenizer = load_tokenizer(config.bert_name, config.use_fast)
        self.layout = SequenceLayout(
            max_video_len=config.max_video_len,
            max_len=config.max_len,
            cls_token_id=tokenizer.cls_token_id,
            sep_token_id=tokenizer.sep_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
        self.split = config.split

    def _build_video_seq(
        self, video_feature: np.ndarray, clips: Mapping[str, Sequence[int]] | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Pad or cut features to the layout.

        Args:
            video_feature: (seconds, D).
            clips: ``{"start": [...], "end": [...]}`` in seconds: join these parts first.

        Returns:
            ``vfeats`` float32 (T, D) and ``vmasks`` bool (T,).
        """
        feature = np.asarray(video_feature)
        if clips is not None:
            bounds = zip(clips["start"], clips["end"], strict=True)
            feature = np.concatenate([feature[start:end] for start, end in bounds])
        vfeats, vmasks = self.layout.video_clips([feature], np.array([0]), np.array([len(feature)]))
        return vfeats[0], vmasks[0]

    def _build_text_seq(
        self, text_feature: Any, clip_indexs: Sequence[int] | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Put special tokens around words and pad or cut them to the layout.

        Args:
            text_feature: Token ids without special tokens; with ``clip_indexs`` several captions
                (lists of ids, an array padded with -1, or a mapping that holds them as ``cap``).
            clip_indexs: Numbers of the captions to join.

        Returns:
            ``caps`` int64 (L,) and ``cmasks`` bool (L,).
        """
        tokens = text_feature
        if clip_indexs is not None:
            captions = text_feature["cap"] if isinstance(text_feature, Mapping) else text_feature
            tokens, offsets = flatten(captions)
            tokens = np.concatenate([tokens[offsets[i] : offsets[i + 1]] for i in clip_indexs])
        line = np.asarray(tokens, dtype=np.int64)
        caps, cmasks = self.layout.text_clips(line, np.array([0]), np.array([len(line)]))
        return caps[0], cmasks[0]


def split_of(config: DatasetConfig) -> str:
    """Return the split that a section is about.

    Raises:
        ConfigError: If it is unknown.
    """
    if config.split not in SPLIT_PATHS:
        raise ConfigError(
            f"dataset.split is '{config.split}'; allowed are {', '.join(SPLIT_PATHS)}. "
            "mmpt.datasets.build_dataset sets it."
        )
    return config.split


def name_of(video_id: Any) -> str:
    """Return the name of a video: ids are the name, or a tuple that begins with it."""
    return video_id if isinstance(video_id, str) else video_id[0]
