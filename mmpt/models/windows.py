"""The windows of one video as a batch: what segmentation and localisation models share.

A video that is longer than the model's input comes as W windows, ``vfeats`` (W, T, 512), or as a batch
of such videos (B, W, T, 512), see :class:`mmpt.processors.windows.SlidingWindows`.
"""

import torch

__all__ = ["join_videos"]


def join_videos(*tensors: torch.Tensor, windowed: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Return ``tensors`` (B, N, ...) as (B·N, ...) if ``windowed`` is (B, W, T, 512); else as they are."""
    return tuple(tensor.flatten(0, 1) for tensor in tensors) if windowed.dim() == 4 else tensors
