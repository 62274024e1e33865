"""The windows of one video as a batch: what segmentation and localisation models share.

A video that is longer than the model's input comes as W windows, ``vfeats`` (W, T, 512), or as a batch
of such videos (B, W, T, 512), see :class:`mmpt.processors.windows.SlidingWindows`.
"""

import torch
from torch.nn import functional

from mmpt.models.dualencoder import DualEncoder

__all__ = ["encode_seconds", "join_videos"]


def join_videos(*tensors: torch.Tensor, windowed: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Return ``tensors`` (B, N, ...) as (B·N, ...) if ``windowed`` is (B, W, T, 512); else as they are."""
    return tuple(tensor.flatten(0, 1) for tensor in tensors) if windowed.dim() == 4 else tensors


def encode_seconds(
    model: DualEncoder, caps: torch.Tensor, vfeats: torch.Tensor, vmasks: torch.Tensor
) -> torch.Tensor:
    """Return the hidden state of every second of every window, (W, T, D), from a model of two towers.

    ``[CLS]`` is hidden from the video here; the passes of retrieval show it.

    Args:
        model: Runs the video.
        caps: Token ids that begin with ``[CLS] [SEP]``; only these of the first row are read.
        vfeats: Video features (W, T, 512).
        vmasks: True at valid seconds, bool (W, T).
    """
    start = caps[:1, :2].expand(len(vfeats), -1)
    mask = functional.pad(functional.pad(vmasks, (1, 0), value=False), (0, 1), value=True)
    return model.run_video(start, vfeats, mask)[:, 1:-1]
