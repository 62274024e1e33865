"""Masking of frames and words, and text made ready for generation; whole batches of clips at once.

Comes in: arrays of :mod:`mmpt.processors.layout`. Goes out: the same with positions hidden, and what
stood there. Inputs are left as they are. Masked words follow BERT (Devlin et al. 2019, section 3.1):
of the chosen ones 80 % become ``[MASK]``, 10 % another word, 10 % stay. Masked frames and whole
modalities follow VLM (Xu et al., Findings of ACL 2021, sections 3.1 and 3.2).
"""

from typing import ClassVar

import numpy as np
import torch

from mmpt.config import DatasetConfig
from mmpt.processors.processor import Processor
from mmpt.types import IGNORED
from mmpt.utils.tokenizer import load_tokenizer

__all__ = ["FrameMaskingProcessor", "TextGenerationProcessor", "TextMaskingProcessor"]

_HIDDEN, _REPLACED = 0.8, 0.9
"""Of the chosen words, up to the first become ``[MASK]``, from there to the second another word."""


class FrameMaskingProcessor(Processor):
    """Chooses the seconds of video that are masked; ``mfm_probability`` of them by default.

    Args:
        config: The ``dataset`` section.
    """

    uses_rng: ClassVar[bool] = True

    def __init__(self, config: DatasetConfig) -> None:
        self.probability = config.mfm_probability

    def __call__(
        self, vmasks: torch.Tensor, share: np.ndarray | None = None, *, rng: np.random.Generator
    ) -> torch.Tensor:
        """Return ``video_label``: True at masked seconds, bool (..., T).

        Args:
            vmasks: True at real seconds, bool (..., T); others are never masked.
            share: Probability of masking for each clip (...), instead of ``mfm_probability``.
            rng: Source of all randomness.
        """
        real = vmasks.numpy()
        return torch.from_numpy(real & (_chance(real, rng) < _column(share, self.probability)))


class TextMaskingProcessor(Processor):
    """Masks words, ``mlm_probability`` of them by default; special tokens never.

    Args:
        config: The ``dataset`` section: ``mlm_probability``, and ``bert_name`` for the vocabulary.
    """

    uses_rng: ClassVar[bool] = True

    def __init__(self, config: DatasetConfig) -> None:
        self.probability = config.mlm_probability
        tokenizer = load_tokenizer(config.bert_name, config.use_fast)
        self.mask_token_id: int = tokenizer.mask_token_id
        self._is_word = np.ones(len(tokenizer), dtype=bool)
        self._is_word[tokenizer.all_special_ids] = False
        self._words = np.flatnonzero(self._is_word)

    def __call__(
        self,
        caps: torch.Tensor,
        cmasks: torch.Tensor,
        share: np.ndarray | None = None,
        *,
        rng: np.random.Generator,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return masked ``caps`` and ``text_label``, both int64 (..., L).

        Args:
            caps: Token ids, int64 (..., L).
            cmasks: True where ``caps`` is not padding, bool (..., L).
            share: Probability of masking for each clip (...), instead of ``mlm_probability``. Where it
                is 1, the text is hidden whole: every word becomes ``[MASK]``.
            rng: Source of all randomness.

        Returns:
            The labels hold the original word where one was chosen, and -100 elsewhere.
        """
        tokens = caps.numpy()
        limit = _column(share, self.probability)
        chance = _chance(tokens, rng)
        # A position is chosen if its number is below the limit; how far below decides what becomes of it.
        chosen = cmasks.numpy() & self._is_word.take(tokens, mode="clip") & (chance < limit)
        hidden = chance < np.where(limit < 1, _HIDDEN * limit, 1)
        replaced = chosen & ~hidden & (chance < _REPLACED * limit)
        masked = np.where(chosen & hidden, self.mask_token_id, tokens)
        masked[replaced] = self._words[rng.integers(len(self._words), size=np.count_nonzero(replaced))]
        return torch.from_numpy(masked), torch.from_numpy(np.where(chosen, tokens, IGNORED))


class TextGenerationProcessor(Processor):
    """Turns texts into what a generator reads and what it is to say next: the form of captioning.

    ::

        caps in      [CLS] [SEP]   w1  w2 ... wn    [SEP] [PAD]
        caps out     [CLS] [SEP] [CLS] w1 ... wn-1  wn    [PAD]
        text_label   -100  -100    w1  w2 ... wn    [SEP] -100

    It goes with the 2-D mask ``textgen``, in which a token does not see the ones after it.
    """

    def __call__(self, caps: torch.Tensor, cmasks: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the two lower lines of the drawing.

        Args:
            caps: The upper line, int64 (..., L).
            cmasks: True where ``caps`` is not padding, bool (..., L); it holds for both results.

        Returns:
            ``caps`` and ``text_label``, int64 (..., L).
        """
        start, text, real = caps[..., :2], caps[..., 2:], cmasks[..., 2:]
        # Padding is copied from where it stands.
        shifted = torch.where(real, torch.cat([caps[..., :1], text[..., :-1]], dim=-1), text)
        label = torch.where(real, text, IGNORED)
        return torch.cat([start, shifted], dim=-1), torch.cat(
            [torch.full_like(start, IGNORED), label], dim=-1
        )


def _chance(like: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return numbers in [0, 1) in the shape of ``like``; single precision takes half the time."""
    return rng.random(like.shape, dtype=np.float32)


def _column(share: np.ndarray | None, default: float) -> np.ndarray:
    """Return the probability of each clip as a column (..., 1)."""
    return np.asarray(default if share is None else share, dtype=np.float32)[..., None]
