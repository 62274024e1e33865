"""A short name for everything that a result depends on."""

import hashlib
from collections.abc import Iterable

import torch
from torch import nn

__all__ = ["fingerprint"]


def fingerprint(facts: Iterable[object], model: nn.Module | None = None) -> str:
    """Return 16 hexadecimal digits that change when a fact or a weight does.

    Args:
        facts: Values whose ``repr`` tells them apart: numbers, names, dataclasses of these.
        model: Its parameters and buffers count too.
    """
    digest = hashlib.sha256()
    for fact in facts:
        digest.update(f"{fact!r}\n".encode())
    for name, tensor in model.state_dict().items() if model is not None else ():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        # As bytes, since numpy knows no bfloat16; one row of them even for a scalar.
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()[:16]
