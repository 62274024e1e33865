"""Captioning: from a sentence to what a generator learns from, or to the prompt that it goes on from.

::

                  training                              test
    caps          [CLS] [SEP] [CLS] w1 ... wn [PAD]     [CLS] [SEP] [CLS]
    text_label    -100  -100   w1   w2 ... [SEP] -100   (the sentence itself is kept as ``text``)

A 2-D mask lets each word see the video and the words up to itself.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from mmpt.config import DatasetConfig
from mmpt.errors import ConfigError
from mmpt.processors.attention_masks import MMAttentionMask2DProcessor
from mmpt.processors.masking import TextGenerationProcessor
from mmpt.processors.processor import Aligner, TextProcessor, name_of
from mmpt.types import CaptionExample

__all__ = ["DSNLGAligner", "NLGTextProcessor"]


class NLGTextProcessor(TextProcessor):
    """Turns a sentence into token ids and keeps the sentence, as the reference of a caption.

    Args:
        config: The ``dataset`` section.
    """

    def __call__(self, text_id: str) -> tuple[list[int], str]:
        """Return (token ids without special tokens, the sentence).

        Raises:
            DataError: If it is no text.
        """
        return super().__call__(text_id), text_id


class DSNLGAligner(Aligner):
    """Takes the first ``max_video_len`` seconds of a clip and its sentence, made ready for generation.

    Args:
        config: The ``dataset`` section; the split ``test`` gives prompts, any other what is learned from.
    """

    def __init__(self, config: DatasetConfig) -> None:
        super().__init__(config)
        self.generation = TextGenerationProcessor()
        self.attention = MMAttentionMask2DProcessor()

    def __call__(
        self, video_id: Any, video_feature: np.ndarray, text_feature: tuple[Sequence[int], str]
    ) -> CaptionExample:
        """Return one model input; a sentence that is too long is cut in training.

        Args:
            video_id: Name of the video, or ``(name, start, end)`` with seconds.
            video_feature: (seconds, D).
            text_feature: What ``NLGTextProcessor`` returns.

        Raises:
            ConfigError: If the text processor keeps no sentence.
        """
        if not (isinstance(text_feature, tuple) and isinstance(text_feature[-1], str)):
            raise ConfigError(
                "DSNLGAligner needs the sentence beside its tokens. Set dataset.text_processor to "
                "NLGTextProcessor or MSRVTTNLGTextProcessor."
            )
        tokens, sentence = text_feature
        vfeats, vmasks = self._build_video_seq(video_feature)
        caps, cmasks = self._build_text_seq(tokens)
        if self.split == "test":
            caps, cmasks = caps[[0, 1, 0]], torch.ones_like(cmasks)  # all positions may be written
        attention_mask = self.attention(vmasks, cmasks, "textgen")
        example = CaptionExample(
            caps=caps,
            cmasks=cmasks,
            vfeats=vfeats,
            vmasks=vmasks,
            attention_mask=attention_mask,
            video_id=name_of(video_id),
        )
        if self.split == "test":
            return {**example, "text": sentence, "clip": _clip_name(video_id)}
        caps, text_label = self.generation(caps, cmasks)
        return {**example, "caps": caps, "text_label": text_label}


def _clip_name(video_id: Any) -> str:
    """Return ``video`` or ``video 3.0-9.5``."""
    if isinstance(video_id, str):
        return video_id
    name, start, end = video_id
    return f"{name} {float(start)}-{float(end)}"
