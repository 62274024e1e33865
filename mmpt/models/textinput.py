"""Sentences as a model reads them: token ids between special tokens, as one padded batch."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from mmpt.errors import DataError
from mmpt.processors.layout import SequenceLayout

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["lay_out"]


def lay_out(
    texts: Sequence[str], tokenizer: "PreTrainedTokenizerBase", layout: SequenceLayout
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ``caps`` int64 (B, L) and ``cmasks`` bool (B, L); what is too long is cut off.

    Raises:
        DataError: If ``texts`` is no list of sentences, or empty.
    """
    if isinstance(texts, str) or not texts or not all(isinstance(text, str) for text in texts):
        raise DataError(f"encode_text takes a list of one or more sentences, got {texts!r:.80}.")
    # Half a pair of surrogates, as JSON may hold, is no text: the tokenizer would raise.
    sound = [text.encode("utf-8", "replace").decode() for text in texts]
    # Not verbose: it would warn of long texts, which are cut off below.
    ids = tokenizer(sound, add_special_tokens=False, verbose=False)["input_ids"]
    ends = np.cumsum([len(each) for each in ids])
    line = np.array([token for each in ids for token in each], dtype=np.int64)
    return layout.text_clips(line, ends - [len(each) for each in ids], ends)
