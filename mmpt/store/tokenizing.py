"""Texts to padded rows of token ids, as fast as words can be looked up.

BERT's tokenizers treat every word between spaces by itself, and people use few words: the ids of a word
are made once and kept, and a caption is a row of look-ups. Other tokenizers are called with many texts.
"""

import copy
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from mmpt.utils.tokenizer import load_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["splits_at_spaces", "token_bytes", "token_rows"]

MAX_WORDS = 1 << 18
"""Words that are kept, about 50 MB."""
_ID = np.dtype(np.int32)


def token_rows(
    bert_name: str, use_fast: bool, texts: Sequence[str], max_characters: int, max_tokens: int
) -> tuple[np.ndarray, int]:
    """Return the token ids of every text without special tokens, and how many texts were cut.

    Args:
        bert_name: Folder or name of the tokenizer.
        use_fast: Use the fast (Rust) one.
        texts: Texts.
        max_characters: Characters kept of a text.
        max_tokens: Ids kept of a text.

    Returns:
        int32 (texts, max_tokens), padded with -1, and a number of texts.
    """
    width = max_tokens * _ID.itemsize
    rows = token_bytes(bert_name, use_fast)([text[:max_characters] for text in texts])
    cut = sum(len(text) > max_characters or len(row) > width for text, row in zip(texts, rows, strict=True))
    # -1 is four bytes of ones, so that a row is padded without looking at its ids.
    padded = b"".join([row[:width].ljust(width, b"\xff") for row in rows])
    return np.frombuffer(padded, _ID).reshape(len(texts), max_tokens), cut


@lru_cache(maxsize=4)
def token_bytes(bert_name: str, use_fast: bool) -> Callable[[Sequence[str]], list[bytes]]:
    """Return a function from texts to their token ids, every text's as int32 bytes."""
    tokenizer = load_tokenizer(bert_name, use_fast)

    if splits_at_spaces(tokenizer):
        words = _Words(tokenizer)
        return lambda texts: [b"".join(map(words.__getitem__, text.split(" "))) for text in texts]

    def called(texts: Sequence[str]) -> list[bytes]:
        if not texts:
            return []
        ids = tokenizer(list(texts), add_special_tokens=False, return_attention_mask=False)["input_ids"]
        return [np.array(row, _ID).tobytes() for row in ids]

    return called


def splits_at_spaces(tokenizer: "PreTrainedTokenizerBase") -> bool:
    """Return whether the ids of a text are those of its parts between spaces, one after the other."""
    from tokenizers import models, normalizers, pre_tokenizers

    backend = getattr(tokenizer, "backend_tokenizer", None)
    return (
        backend is not None
        and isinstance(backend.model, models.WordPiece)
        # These see one character or the word around it, never across a space.
        and isinstance(backend.normalizer, normalizers.BertNormalizer)
        and isinstance(backend.pre_tokenizer, pre_tokenizers.BertPreTokenizer)
        and not any(
            " " in token.content or token.lstrip or token.rstrip or token.single_word
            for token in backend.get_added_tokens_decoder().values()
        )
    )


class _Words(dict[str, bytes]):
    """Word -> bytes of its ids, made when it is first asked for."""

    def __init__(self, tokenizer: "PreTrainedTokenizerBase") -> None:
        # A copy, because its limits are taken away. Called directly it takes a third of the time.
        backend = copy.deepcopy(tokenizer.backend_tokenizer)
        backend.no_truncation()
        backend.no_padding()
        self._encode = backend.encode

    def __missing__(self, word: str) -> bytes:
        if len(self) >= MAX_WORDS:
            self.clear()
        ids = self[word] = np.array(self._encode(word, add_special_tokens=False).ids, _ID).tobytes()
        return ids
