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
        ConfigError: If it is neither, or the hub cannot be reached.
    """
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(bert_name, use_fast=use_fast)
    except (OSError, ValueError) as error:
        place = (
            "has no tokenizer files" if Path(bert_name).is_dir() else "is no folder and no reachable hub name"
        )
        raise ConfigError(
            f"dataset.bert_name '{bert_name}' {place} ({type(error).__name__}). "
            "Give a folder that holds config.json, vocab.txt and model.safetensors."
        ) from error
