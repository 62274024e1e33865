"""The tokenizer, built once per model name and shared by every processor."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from mmpt.errors import ConfigError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["load_tokenizer"]


@lru_cache(maxsize=8)
def load_tokenizer(bert_name: str, use_fast: bool = True) -> "PreTrainedTokenizerBase":
    """Return the tokenizer of ``bert_name``: a local folder, or a name on the Hugging Face hub.

    Raises:
        ConfigError: If it is neither, its files are damaged or lack the vocabulary, or the hub cannot be
            reached.
    """
    from transformers import AutoTokenizer

    try:
        # Never the code that a folder or hub entry may bring along.
        tokenizer = AutoTokenizer.from_pretrained(bert_name, use_fast=use_fast, trust_remote_code=False)
    except Exception as error:  # a damaged file fails in nearly any way
        place = (
            "has no usable tokenizer files"
            if Path(bert_name).is_dir()
            else "is no folder and no reachable hub name"
        )
        raise ConfigError(
            f"dataset.bert_name '{bert_name}' {place} ({type(error).__name__}). "
            "Give a folder that holds config.json, vocab.txt and model.safetensors."
        ) from error
    # Without vocab.txt transformers builds a tokenizer that knows no word, and says nothing.
    if set(tokenizer.get_vocab()) <= set(tokenizer.all_special_tokens):
        raise ConfigError(
            f"dataset.bert_name '{bert_name}' has a tokenizer without any word: its vocab.txt is missing or "
            "empty. Give a folder that holds config.json, vocab.txt and model.safetensors."
        )
    return tokenizer
