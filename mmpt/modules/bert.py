"""BERT from a folder or the Hugging Face hub, with the attention function of mmpt."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers import BertConfig, BertModel
from transformers.utils import logging

from mmpt.errors import CheckpointError, ConfigError
from mmpt.modules.attention import ATTENTION

__all__ = ["load_bert", "load_bert_config", "load_pretrained"]


def load_bert_config(bert_name: str, num_hidden_layers: int | None = None) -> BertConfig:
    """Return the configuration of ``bert_name``, cut to its first layers if a number is given.

    Raises:
        ConfigError: If ``bert_name`` is no folder or reachable hub name, no BERT, or has fewer layers.
    """
    try:
        values, _ = BertConfig.get_config_dict(bert_name)
    except (OSError, ValueError) as error:
        place = (
            "has no valid config.json"
            if os.path.isdir(bert_name)
            else "is no folder and no reachable hub name"
        )
        raise ConfigError(
            f"dataset.bert_name '{bert_name}' {place}. "
            "Give a folder that holds config.json, vocab.txt and model.safetensors."
        ) from error
    model_type = values.get("model_type", "bert")
    if model_type != "bert":
        raise ConfigError(
            f"dataset.bert_name '{bert_name}' is a '{model_type}' model; only 'bert' can take video tokens. "
            "Give a BERT such as bert-base-uncased."
        )
    try:
        config = BertConfig.from_dict(values)
    except Exception as error:  # huggingface_hub's own types, for a value of another type
        raise ConfigError(
            f"The config.json of dataset.bert_name '{bert_name}' holds a wrong value "
            f"({' '.join(str(error).split())})."
        ) from error
    if num_hidden_layers is not None:
        if not 1 <= num_hidden_layers <= config.num_hidden_layers:
            raise ConfigError(
                f"model.num_hidden_video_layers is {num_hidden_layers}; '{bert_name}' has "
                f"{config.num_hidden_layers} layers. Give a number from 1 to {config.num_hidden_layers}."
            )
        config.num_hidden_layers = num_hidden_layers
    return config


def load_bert(bert_name: str, num_hidden_layers: int | None = None, pretrained: bool = True) -> BertModel:
    """Build a BERT in training mode, float32.

    Args:
        bert_name: Folder with ``config.json`` and weights, or a name on the hub.
        num_hidden_layers: Take only this many layers, from the first; None takes all.
        pretrained: Load the weights. False leaves them random, for callers that load a checkpoint next.

    Raises:
        ConfigError: See :func:`load_bert_config`.
        CheckpointError: If the weights are missing, unreadable or incomplete.
    """
    config = load_bert_config(bert_name, num_hidden_layers)
    if not pretrained:
        return _random(bert_name, config)
    bert, missing = load_pretrained(BertModel, bert_name, config)
    # Language models come without the pooler, which nothing here uses.
    missing = [key for key in missing if not key.startswith("pooler.")]
    if missing:
        raise CheckpointError(
            f"The weights of dataset.bert_name '{bert_name}' lack {len(missing)} of the tensors of BERT, "
            f"such as '{missing[0]}'. They belong to another model; give the folder of a BERT."
        )
    return bert.train()


def _random(bert_name: str, config: BertConfig) -> BertModel:
    try:
        return BertModel._from_config(config, attn_implementation=ATTENTION)
    except (ValueError, TypeError, KeyError, RuntimeError) as error:
        raise ConfigError(
            f"The config.json of dataset.bert_name '{bert_name}' describes no BERT ({error}). Give a folder "
            "that holds config.json, vocab.txt and model.safetensors."
        ) from error


def load_pretrained(cls: Any, bert_name: str, config: BertConfig) -> tuple[Any, list[str]]:
    """Return a model of transformers with the weights of ``bert_name``, and the names of those it lacks.

    Args:
        cls: A class of transformers for BERT, such as ``BertModel``.
        bert_name: Folder or name on the hub.
        config: What to build; layers beyond its own are left out.

    Raises:
        CheckpointError: If there are no weights, or they cannot be read.
    """
    try:
        with _quiet_transformers():
            model, info = cls.from_pretrained(
                bert_name,
                config=config,
                attn_implementation=ATTENTION,
                dtype=torch.float32,
                output_loading_info=True,
            )
        return model, sorted(info["missing_keys"])
    except Exception as error:  # safetensors, pickle, OSError and RuntimeError, by the state of the file
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise CheckpointError(
            f"dataset.bert_name '{bert_name}' has no usable weights ({reason}). "
            "Random weights are never taken silently: put model.safetensors beside its config.json."
        ) from error


@contextmanager
def _quiet_transformers() -> Iterator[None]:
    """Keep transformers from drawing a bar and from warning of the heads and layers left out."""
    verbosity, draws_bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if draws_bars:
            logging.enable_progress_bar()
