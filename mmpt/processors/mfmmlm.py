"""The aligner of masked pre-training (VLM, Xu et al., Findings of ACL 2021, section 3.1).

A clip is drawn as by ``VariedLenAligner`` (as by ``FixedLenAligner`` if no text lengths are set).
Then one of three things happens to it::

                        probability    video_label      text_label       mask if mm_type is textgen
    single positions    1 - mm_prob    mfm_probability  mlm_probability  full
    all of the text     mm_prob / 2    none             every word       textgen
    all of the video    mm_prob / 2    every second     none             videogen

With ``mm_type: textgen`` the second line generates the text word by word instead of hiding it, and a
2-D attention mask comes with every clip.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from mmpt.config import DatasetConfig
from mmpt.processors.aligners import VariedLenAligner
from mmpt.processors.attention_masks import MMAttentionMask2DProcessor
from mmpt.processors.clip_sampling import ClipSampler
from mmpt.processors.masking import FrameMaskingProcessor, TextGenerationProcessor, TextMaskingProcessor
from mmpt.types import Example, MaskedExample

__all__ = ["MFMMLMAligner"]


class MFMMLMAligner(VariedLenAligner):
    """Draws S clips of one video and masks frames, words, or a whole modality of each.

    Args:
        config: The ``dataset`` section: ``mfm_probability``, ``mlm_probability``, ``mm_prob`` (no whole
            modalities if it is not set), ``mm_type`` and ``lazy_vfeat_mask``. Without the last, the masked
            frames are zeros in ``vfeats`` already, and no model can tell what they were.
    """

    def __init__(self, config: DatasetConfig) -> None:
        super().__init__(config)
        self.mm_prob = config.mm_prob or 0.0
        self.generates = config.mm_type == "textgen"
        self.keeps_frames = config.lazy_vfeat_mask
        self.frames = FrameMaskingProcessor(config)
        self.words = TextMaskingProcessor(config)
        self.generation = TextGenerationProcessor()
        self.attention = MMAttentionMask2DProcessor()

    def make_sampler(self, config: DatasetConfig) -> ClipSampler:
        """Return a sampler with a drawn text limit, or with that of the layout if none is set."""
        if config.sampled_min_len is None and config.sampled_max_len is None:
            return ClipSampler((self.layout.max_words, self.layout.max_words), max_span=config.max_span)
        return super().make_sampler(config)

    def align(
        self,
        video_ids: Sequence[Any],
        video_features: Sequence[np.ndarray],
        text_features: Sequence[Mapping[str, Any]],
        rng: np.random.Generator,
    ) -> MaskedExample:
        """Return S masked clips of each of N videos; see :meth:`ClipAligner.__call__`."""
        return self.mask(super().align(video_ids, video_features, text_features, rng), rng)

    def mask(self, example: Example, rng: np.random.Generator) -> MaskedExample:
        """Return clips with frames, words or whole modalities masked.

        Args:
            example: Tensors with a leading S; left as it is.
            rng: Source of all randomness.
        """
        caps, cmasks, vmasks = example["caps"], example["cmasks"], example["vmasks"]
        chance = rng.random(len(caps))
        whole_text = chance < self.mm_prob / 2
        whole_video = (chance < self.mm_prob) & ~whole_text
        video_label = self.frames(vmasks, _share(self.frames.probability, whole_video, whole_text), rng=rng)
        masked, text_label = self.words(
            caps, cmasks, _share(self.words.probability, whole_text, whole_video), rng=rng
        )
        out: MaskedExample = {**example, "caps": masked, "video_label": video_label, "text_label": text_label}
        if self.generates:
            rows = torch.from_numpy(whole_text)
            masked[rows], text_label[rows] = self.generation(caps[rows], cmasks[rows])
            out["attention_mask"] = self._attention(vmasks, cmasks, rows, torch.from_numpy(whole_video))
        if not self.keeps_frames:
            out["vfeats"] = example["vfeats"].masked_fill(video_label[..., None], 0)
        return out

    def _attention(
        self, vmasks: torch.Tensor, cmasks: torch.Tensor, whole_text: torch.Tensor, whole_video: torch.Tensor
    ) -> torch.Tensor:
        """Return the 2-D mask of each clip, bool (S, T + L, T + L)."""
        mask = self.attention(vmasks, cmasks, "full")
        for rows, mask_type in ((whole_text, "textgen"), (whole_video, "videogen")):
            mask[rows] = self.attention(vmasks[rows], cmasks[rows], mask_type)
        return mask


def _share(probability: float, whole: np.ndarray, spared: np.ndarray) -> np.ndarray:
    """Return how much of each clip is masked, (S,): all where ``whole``, nothing where ``spared``."""
    return np.where(whole, 1.0, np.where(spared, 0.0, probability))
