"""The text tower of S3D: embedded words, one layer, maximum over the words, one layer."""

import os
import re
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from mmpt.errors import ConfigError, DataError

__all__ = ["MAX_WORDS", "VOCABULARY_SIZE", "SentenceEmbedding", "load_words"]

VOCABULARY_SIZE = 66250
"""Rows of the word embedding in the official checkpoint; row 0 is padding."""
MAX_WORDS = 16
"""Words read of each sentence."""

_WORD = re.compile(r"[\w']+")


def load_words(dict_path: str | os.PathLike[str]) -> list[str]:
    """Read the dictionary (``s3d_dict.npy``): word i of the list has id i + 1.

    Raises:
        DataError: If the file is missing or is not an array of strings. Pickled objects are refused.
    """
    try:
        words = np.load(dict_path, allow_pickle=False)
    except FileNotFoundError as error:
        raise DataError(f"The S3D dictionary {dict_path} does not exist.") from error
    except (ValueError, EOFError, OSError) as error:
        raise DataError(
            f"The S3D dictionary {dict_path} is not a .npy array of strings ({error})."
        ) from error
    if words.ndim != 1 or words.dtype.kind != "U":
        raise DataError(
            f"The S3D dictionary {dict_path} holds {words.dtype} of shape {words.shape}; "
            "expected a list of strings."
        )
    return [str(word) for word in words]


class SentenceEmbedding(nn.Module):
    """Embed sentences as bags of their first 16 known words.

    Args:
        num_classes: Width of the embedding.
        words: The dictionary, or None: then calling the module raises.
        vocabulary_size: Rows of the word embedding.
    """

    def __init__(self, num_classes: int, words: Sequence[str] | None, vocabulary_size: int) -> None:
        super().__init__()
        self.word_embd = nn.Embedding(vocabulary_size, 300)
        self.fc1 = nn.Linear(300, 2048)
        self.fc2 = nn.Linear(2048, num_classes)
        self.word_ids = None if words is None else {word: i + 1 for i, word in enumerate(words)}

    def token_ids(self, sentences: Sequence[str]) -> torch.Tensor:
        """Return word ids, int64 (B, 16); unknown words are skipped, the rest is 0.

        Raises:
            ConfigError: If the module has no dictionary.
        """
        if self.word_ids is None:
            raise ConfigError("This S3D has no dictionary: pass dict_path (s3d_dict.npy) to embed sentences.")
        ids = torch.zeros(len(sentences), MAX_WORDS, dtype=torch.int64)
        for row, sentence in enumerate(sentences):
            found = [self.word_ids[w] for w in _WORD.findall(sentence.lower()) if w in self.word_ids]
            kept = found[:MAX_WORDS]
            ids[row, : len(kept)] = torch.tensor(kept, dtype=torch.int64)
        return ids

    def forward(self, sentences: Sequence[str]) -> dict[str, torch.Tensor]:
        """Return ``text_embedding`` (B, num_classes)."""
        ids = self.token_ids(sentences).to(self.word_embd.weight.device)
        hidden = F.relu(self.fc1(self.word_embd(ids)))
        return {"text_embedding": self.fc2(hidden.amax(dim=1))}
