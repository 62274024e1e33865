"""Cached gradients: the gradient of a large batch with the memory of a small one.

GradCache (Gao et al., "Scaling deep contrastive learning batch size under memory limited setup",
2021): encode chunk by chunk without keeping what a gradient needs, take the gradient of the loss at
the vectors, then encode each chunk again, now with its gradient. A checkpoint per chunk does just
that within one backward pass, which therefore works with autocast, loss scaling and wrappers for
distributed training as any other.
"""

from collections.abc import Callable

import torch
from torch.utils.checkpoint import checkpoint

__all__ = ["in_chunks"]


def in_chunks(encode: Callable[..., torch.Tensor], size: int, *inputs: torch.Tensor) -> torch.Tensor:
    """Return ``encode(*inputs)``, computed for ``size`` rows at a time, with the gradient of all rows.

    The random state (CPU and the inputs' device) of each chunk is kept, so that its second pass drops
    out what the first one did.

    Args:
        encode: Function from tensors with B rows to (B, D), row by row.
        size: Rows of a chunk; the last one may have fewer.
        inputs: Tensors with B rows each.
    """
    chunks = zip(*(each.split(size) for each in inputs), strict=True)
    return torch.cat([checkpoint(encode, *chunk, use_reentrant=False) for chunk in chunks])
