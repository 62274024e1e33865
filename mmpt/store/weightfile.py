"""Files of weights, ``.safetensors`` or those of ``torch.save``, read without running code from them."""

import argparse
import os
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from mmpt.errors import CheckpointError
from mmpt.store.modelfolder import weight_file
from mmpt.utils.files import unreadable

__all__ = ["check_resumable", "read_weights"]

_ALLOWED_CLASSES: list[Any] = [argparse.Namespace]
"""What fairseq puts beside the weights."""


def read_weights(path: str | os.PathLike[str]) -> dict[str, torch.Tensor]:
    """Read the state dict in a file, on the CPU; one under ``model`` or ``state_dict`` is found there.

    Args:
        path: The file, or the folder of a saved model.

    Raises:
        CheckpointError: If the file is missing, truncated, holds objects other than plain data and
            tensors, or holds no state dict.
    """
    path = weight_file(path)
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


def check_resumable(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Check that ``fairseq-train`` can go on from a file; the weights in it are not read.

    Returns:
        What the task of that training kept in it.

    Raises:
        CheckpointError: If the file is truncated, unsafe, or no checkpoint of a training.
    """
    # Files older than PyTorch 1.6 have no index and are read whole.
    content = _read(path, mmap=zipfile.is_zipfile(path))
    if not isinstance(content, Mapping) or not {"model", "extra_state"} <= content.keys():
        raise CheckpointError(
            f"The file {path} is no checkpoint of fairseq-train, which holds 'model' and 'extra_state'. "
            "Give one that a training wrote, or a new fairseq.checkpoint.save_dir to start afresh."
        )
    return dict(content.get("task_state") or {})


def _read(path: str | os.PathLike[str], mmap: bool = False) -> Any:
    try:
        if Path(path).suffix == ".safetensors":
            return _read_safetensors(path)
        # What is allowed already stays allowed: at its end, the block takes back all that it was given.
        before = torch.serialization.get_safe_globals()
        with torch.serialization.safe_globals([each for each in _ALLOWED_CLASSES if each not in before]):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)
    except FileNotFoundError as error:
        raise CheckpointError(
            f"The checkpoint {path} does not exist. Check the path, or train the model first."
        ) from error
    except OSError as error:
        raise CheckpointError(str(unreadable(path, error))) from error
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"The file {path} cannot be read: it is no file of torch.save, or holds Python objects that "
            "could run code, and was not loaded. Only tensors and plain containers are read: save the state "
            "dict alone."
        ) from error
    except Exception as error:  # a damaged file fails in nearly any way
        raise CheckpointError(
            f"The file {path} cannot be read ({type(error).__name__}): it is truncated, or holds no weights. "
            "Copy it again or take an earlier one."
        ) from error


def _read_safetensors(path: str | os.PathLike[str]) -> dict[str, torch.Tensor]:
    """Return the tensors by all their names: tied ones are one in the file, which tells the other names."""
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        names = file.metadata() or {}
    return tensors | {name: tensors[same] for name, same in names.items() if same in tensors}
