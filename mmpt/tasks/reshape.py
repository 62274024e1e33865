"""How a batch of items that each carry several clips becomes a batch of clips. Pure functions.

::

    key              clips (vfeats is (B, S, T, D))      one input an item (vfeats is (B, T, D))
    caps, cmasks     (B, S, L)    -> (B·S, L)            (B, L)    -> (B, L)
      C candidates   (B, S, C, L) -> (B·S·C, L)          (B, C, L) -> (B·C, L)
    any other        (B, S, ...)  -> (B·S, ...)          as it is
"""

from collections.abc import Mapping
from typing import Any

import torch

__all__ = ["flatten_clips", "halves_in_turn"]

_CLIP_DIMS = 4  # vfeats is (B, S, T, D) with sampled clips and (B, T, D) without
_TEXT_KEYS = ("caps", "cmasks")  # may hold several candidates for one clip


def flatten_clips(sample: Mapping[str, Any]) -> dict[str, Any]:
    """Return a batch whose tensors are (B·S, ...) where they were (B, S, ...); see the table above.

    Candidate texts become rows of ``caps`` and ``cmasks``, those of clip i before those of clip i + 1.
    Values that are no tensors, such as the list of video ids, are passed on.
    """
    clips = _has_clips(sample)
    return {
        key: _flat(key, value, clips) if torch.is_tensor(value) else value for key, value in sample.items()
    }


def halves_in_turn(sample: Mapping[str, Any]) -> dict[str, Any]:
    """Return a batch (1, B·S, ...) that holds the first half of every item's clips, then the second halves.

    With S clips the first S // 2 make the first half. A batch without clips comes back as it is. The
    video ids, one per clip, keep to their clips.
    """
    if not _has_clips(sample):
        return dict(sample)
    items, clips = sample["vfeats"].shape[:2]
    row = torch.arange(items * clips).view(items, clips)
    order = torch.cat([row[:, : clips // 2].flatten(), row[:, clips // 2 :].flatten()])
    return {key: _in_order(value, order) for key, value in sample.items()}


def _has_clips(sample: Mapping[str, Any]) -> bool:
    vfeats = sample.get("vfeats")
    return torch.is_tensor(vfeats) and vfeats.dim() == _CLIP_DIMS


def _flat(key: str, value: torch.Tensor, clips: bool) -> torch.Tensor:
    if key in _TEXT_KEYS:
        return value.flatten(0, -2) if value.dim() > 1 else value
    return value.flatten(0, 1) if clips and value.dim() > 1 else value


def _in_order(value: Any, order: torch.Tensor) -> Any:
    if torch.is_tensor(value) and value.dim() > 1:
        return value.flatten(0, 1)[order.to(value.device)][None]
    if isinstance(value, list) and len(value) == len(order):
        return [value[row] for row in order.tolist()]
    return value
