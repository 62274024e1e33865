"""Files of weights, ``.safetensors`` or those of ``torch.save``, read without running code from them."""

import argparse
import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from mmpt.errors import CheckpointError

__all__ = ["read_weights"]

_ALLOWED_CLASSES: list[Any] = [argparse.Namespace]
"""What fairseq puts beside the weights."""


def read_weights(path: str | os.PathLike[str]) -> dict[str, torch.Tensor]:
    """Read the state dict in a file, on the CPU; one under ``model`` or ``state_dict`` is found there.

    Raises:
        CheckpointError: If the file is missing, truncated, holds objects other than plain data and
            tensors, or holds no state dict.
    """
    content = _read(path)
    for key in ("model", "state_dict"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
            break
    if not isinstance(content, Mapping) or not content or not all(map(torch.is_tensor, content.values())):
        raise CheckpointError(
            f"The file {path} holds no state dict (names and tensors). "
            "Give a fairseq checkpoint, a plain state dict, or a .safetensors file."
        )
    return {str(key): value for key, value in content.items()}


def _read(path: str | os.PathLike[str]) -> Any:
    try:
        if Path(path).suffix == ".safetensors":
            return load_file(path)
        with torch.serialization.safe_globals(_ALLOWED_CLASSES):
            return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise CheckpointError(
            f"The checkpoint {path} does not exist. Check the path, or train the model first."
        ) from error
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"The file {path} cannot be read: it is no file of torch.save, or holds Python objects that "
            "could run code, and was not loaded. Only tensors and plain containers are read: save the state "
            "dict alone."
        ) from error
    except (SafetensorError, RuntimeError, EOFError, ValueError, OSError) as error:
        raise CheckpointError(
            f"The file {path} cannot be read ({type(error).__name__}): it is truncated, or holds no weights. "
            "Copy it again or take an earlier one."
        ) from error
