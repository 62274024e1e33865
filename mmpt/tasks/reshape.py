"""How a batch of items that each carry several clips becomes a batch of clips. Pure functions."""

from collections.abc import Mapping
from typing import Any

import torch

__all__ = ["flatten_clips"]

_CLIP_DIMS = 4  # vfeats is (B, S, T, D) with sampled clips and (B, T, D) without


def flatten_clips(sample: Mapping[str, Any]) -> dict[str, Any]:
    """Return a batch whose tensors are (B·S, ...) where they were (B, S, ...).

    A batch without clips (``vfeats`` is (B, T, D)) comes back as it is. Values that are no tensors,
    such as the list of video ids, are passed on.
    """
    vfeats = sample.get("vfeats")
    if not torch.is_tensor(vfeats) or vfeats.dim() != _CLIP_DIMS:
        return dict(sample)
    return {
        key: value.flatten(0, 1) if torch.is_tensor(value) and value.dim() > 1 else value
        for key, value in sample.items()
    }
