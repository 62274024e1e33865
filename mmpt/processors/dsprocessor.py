"""The aligner of most end tasks: one video, one sentence; and the same for a text without a video."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from mmpt.errors import ConfigError
from mmpt.processors.processor import Aligner, name_of
from mmpt.types import Example

__all__ = ["DSAligner", "MetaTextBinarizer"]


class DSAligner(Aligner):
    """Takes the first ``max_video_len`` seconds of the video and the whole text.

    Args:
        config: The ``dataset`` section.
    """

    def __call__(self, video_id: Any, video_feature: np.ndarray, text_feature: Sequence[int]) -> Example:
        """Return one model input; text that is too long is cut.

        Args:
            video_id: Name of the video, or a tuple that begins with it.
            video_feature: (seconds, D).
            text_feature: Token ids without special tokens.

        Raises:
            ConfigError: If captions with times are given instead of one sentence.
        """
        if isinstance(text_feature, Mapping):
            raise ConfigError(
                f"DSAligner takes one sentence, and dataset.text_processor gives captions with times for "
                f"video '{name_of(video_id)}'. Choose another text processor, or OverlappedAligner."
            )
        vfeats, vmasks = self._build_video_seq(video_feature)
        caps, cmasks = self._build_text_seq(text_feature)
        return Example(caps=caps, cmasks=cmasks, vfeats=vfeats, vmasks=vmasks, video_id=name_of(video_id))


class MetaTextBinarizer(Aligner):
    """Lays out a text that belongs to no video, such as the name of a class.

    Args:
        config: The ``dataset`` section.
    """

    def __call__(self, text_feature: Sequence[int]) -> dict[str, torch.Tensor]:
        """Return the text part of a model input: ``caps`` int64 (L,) and ``cmasks`` bool (L,).

        Args:
            text_feature: Token ids without special tokens.
        """
        caps, cmasks = self._build_text_seq(text_feature)
        return {"caps": caps, "cmasks": cmasks}
