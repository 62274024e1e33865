"""Reading model weights, whoever wrote them, without ever running code from the file.

Comes in: a fairseq checkpoint (``model`` inside, keys prefixed ``mmmodel.``), a plain state dict,
or a ``.safetensors`` file. Goes out: a state dict, or a loaded model and a report.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import nn

from mmpt.errors import CheckpointError
from mmpt.store.weightfile import read_weights
from mmpt.utils import get_logger

__all__ = ["PREFIX", "LoadReport", "load_into", "load_state_dict", "load_weights", "weights_digest"]

logger = get_logger(__name__)

PREFIX = "mmmodel."
"""Begins every name in a checkpoint of fairseq."""
_OLD_BUFFER = "embeddings.position_ids"
_LEAST_SHARE = 0.5  # of the model's tensors; below it the file belongs to another model


@runtime_checkable
class _Translator(Protocol):
    """A model that can take the weights of a related one under other names."""

    def translate(self, weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]: ...


@dataclass(frozen=True)
class LoadReport:
    """What did not fit when a checkpoint was loaded; both empty means an exact fit."""

    missing: list[str]
    """Tensors of the model that the checkpoint does not hold; they keep their values."""
    unexpected: list[str]
    """Tensors of the checkpoint that the model does not have."""


def load_state_dict(path: str | os.PathLike[str]) -> dict[str, torch.Tensor]:
    """Read the weights in a file, on the CPU, without prefix.

    Raises:
        CheckpointError: If the file is missing, truncated, holds objects other than plain data and
            tensors, or holds no state dict.
    """
    return {key.removeprefix(PREFIX): value for key, value in read_weights(path).items()}


def load_into(model: nn.Module, path: str | os.PathLike[str], complete: bool = False) -> LoadReport:
    """Load a checkpoint into ``model``; the part that does not fit is reported and logged.

    Args:
        model: The model.
        path: Its checkpoint.
        complete: Refuse a checkpoint that lacks tensors which the model's outputs depend on.

    Raises:
        CheckpointError: If the file cannot be read, tensors have other shapes, or fewer than half
            of the model's tensors are in it. The model is then unchanged.
    """
    return load_weights(model, load_state_dict(path), f"The checkpoint {path}", complete)


def load_weights(
    model: nn.Module, weights: Mapping[str, torch.Tensor], origin: str, complete: bool = False
) -> LoadReport:
    """Load a state dict into ``model`` as :func:`load_into` does.

    Args:
        model: The model.
        weights: Names without prefix -> tensors.
        origin: What the weights are of, the beginning of messages, such as ``The checkpoint a.pt``.
        complete: Refuse weights that lack tensors which the model's outputs depend on.

    Raises:
        CheckpointError: If tensors have other shapes, or fewer than half of the model's tensors are
            there. The model is then unchanged.
    """
    if isinstance(model, _Translator):
        weights = model.translate(weights)
    state = {key: value for key, value in weights.items() if not key.endswith(_OLD_BUFFER)}
    own = model.state_dict()
    report = LoadReport(sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys()))
    name = type(model).__name__
    matching = len(own) - len(report.missing)
    if matching < _LEAST_SHARE * len(own):
        raise CheckpointError(
            f"{origin} belongs to another model: {matching} of the {len(own)} tensors of {name} "
            f"are in it. Missing: {_some(report.missing)}. Not in {name}: {_some(report.unexpected)}. "
            "Check model.model_cls and its encoder classes in the task file."
        )
    needed = [key for key in report.missing if ".pooler." not in key]  # BERT's own pooler is unused
    if complete and needed:
        raise CheckpointError(
            f"{origin} lacks {len(needed)} tensors of {name}: {_some(needed)}. "
            "They would stay random; give a checkpoint that was trained with this task file."
        )
    _check_shapes(own, state, origin)
    model.load_state_dict(state, strict=False)
    if report.missing:
        logger.warning("%s lacks %s; they keep their values.", origin, _some(report.missing))
    if report.unexpected:
        logger.warning("%s holds %s, unused by %s.", origin, _some(report.unexpected), name)
    return report


def weights_digest(model: nn.Module) -> str:
    """Return the SHA-256 of a model's weights: of their names, types, shapes and bytes."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _check_shapes(own: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor], origin: str) -> None:
    wrong = [key for key in own.keys() & state.keys() if own[key].shape != state[key].shape]
    words = [key for key in wrong if key.endswith("word_embeddings.weight")]
    if words and own[words[0]].shape[1] == state[words[0]].shape[1]:
        raise CheckpointError(
            f"{origin} was trained with a vocabulary of {len(state[words[0]])} words and "
            f"dataset.bert_name has {len(own[words[0]])}. Set dataset.bert_name to the one of its training."
        )
    inputs = [key for key in wrong if key.endswith("videomlp.linear1.weight")]
    if inputs and own[inputs[0]].shape[0] == state[inputs[0]].shape[0]:
        raise CheckpointError(
            f"{origin} was trained on features of {state[inputs[0]].shape[1]} numbers and this model reads "
            f"{own[inputs[0]].shape[1]} (dataset.vfeat_dim, or the features in dataset.vfeat_dir). "
            "Give the features of the encoder of its training."
        )
    if wrong:
        shapes = [f"{key} {tuple(state[key].shape)} for {tuple(own[key].shape)}" for key in sorted(wrong)]
        raise CheckpointError(
            f"{origin} has tensors of other shapes than the model: {_some(shapes)}. "
            "Check dataset.bert_name and the sizes in the task file."
        )


def _some(names: Iterable[str], most: int = 3) -> str:
    """Return the first few names and how many more there are."""
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) or "none") + more
