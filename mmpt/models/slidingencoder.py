"""Videos of any length through a model that reads ``max_video_len`` seconds: windows, in batches.

Windows of all videos share the batches, whatever their lengths: the model computes no padding, see
:mod:`mmpt.modules.packing`.
"""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch.nn.utils.rnn import pad_sequence

from mmpt.processors.windows import SlidingWindows

__all__ = ["encode_windows"]


def encode_windows(
    encode: Callable[[torch.Tensor, torch.Tensor], Iterable[torch.Tensor]],
    features: Sequence[torch.Tensor],
    windows: SlidingWindows,
    batch_size: int,
) -> list[list[torch.Tensor]]:
    """Return what ``encode`` gives for each window of each video.

    Args:
        encode: Function of features (B, T, 512) and their mask, bool (B, T), to B results, row by row.
        features: Videos (seconds, 512) of any lengths.
        windows: How they are cut.
        batch_size: Windows encoded at once.
    """
    cuts = [
        feature[first:last]
        for feature in features
        for first, last in zip(*windows.bounds(len(feature)), strict=True)
    ]
    results: list[torch.Tensor] = []
    for start in range(0, len(cuts), batch_size):
        batch = cuts[start : start + batch_size]
        vfeats = pad_sequence(batch, batch_first=True)
        lengths = torch.tensor([len(cut) for cut in batch], device=vfeats.device)
        vmasks = torch.arange(vfeats.shape[1], device=vfeats.device) < lengths[:, None]
        results.extend(encode(vfeats, vmasks))
    left = iter(results)
    return [[next(left) for _ in windows.bounds(len(feature))[0]] for feature in features]
