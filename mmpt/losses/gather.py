"""The pairs of all workers as one batch: each worker scores its own rows against everyone's columns.

::

    worker 0: (2, D) --+                      worker 0: rows 0-1 of the (5, 5) scores
                       +-- gather: (5, D) -->
    worker 1: (3, D) --+                      worker 1: rows 2-4

A worker computes a "local" loss, its rows' share of the loss of the whole batch (the gathering of
CLIP, Radford et al. 2021, section 2.5); no worker holds all scores. Gradients reach the vectors of
other workers through the gathering, so that the mean of the workers' gradients, which distributed
training takes, is the gradient of the whole batch.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import distributed
from torch.nn import functional

__all__ = ["Pairs", "gather_pairs", "own_pairs"]


@dataclass(frozen=True)
class Pairs:
    """The pairs of one worker beside those of all workers."""

    video: torch.Tensor
    """Videos of this worker, (B, D)."""
    text: torch.Tensor
    """Their texts, (B, D)."""
    all_video: torch.Tensor
    """Videos of all workers, (N, D)."""
    all_text: torch.Tensor
    """Their texts, (N, D)."""
    start: int
    """Where this worker's pairs begin in those of all workers."""
    weight: float
    """What makes a sum over own rows this worker's part of a mean over workers: workers / N."""

    @property
    def targets(self) -> torch.Tensor:
        """Column of each own row's match, int64 (B,)."""
        return torch.arange(self.start, self.start + len(self.video), device=self.video.device)


def own_pairs(video: torch.Tensor, text: torch.Tensor) -> Pairs:
    """Return the pairs of one worker that looks at no other."""
    return Pairs(video, text, video, text, start=0, weight=1 / max(len(video), 1))


def gather_pairs(video: torch.Tensor, text: torch.Tensor, ignored: bool = False) -> Pairs:
    """Return the pairs of this worker beside those of all workers; one worker alone is :func:`own_pairs`.

    All workers must call it in the same step. Their numbers of pairs may differ: with local losses
    ``L_r = workers / N * sum of own rows``, the mean over workers is the mean over all N rows.

    Args:
        video: (B, D).
        text: (B, D), paired by row.
        ignored: The batch does not count. It stands in where the data of an epoch are used up for this
            worker: it joins in with no pairs, and is no worker in ``workers``.
    """
    if not distributed.is_initialized() or distributed.get_world_size() == 1:
        return own_pairs(video, text)
    if ignored:
        video, text = video[:0], text[:0]
    sizes = _sizes_of_all(video)
    # Both towers in one exchange: half as many messages, and one order of messages on all workers.
    rows = torch.cat([video, text], dim=1)
    longest = functional.pad(rows, (0, 0, 0, max(sizes) - len(rows)))
    gathered: tuple[torch.Tensor, ...] = _AllGather.apply(longest)
    everyone = torch.cat([each[:size] for each, size in zip(gathered, sizes, strict=True)])
    all_video, all_text = everyone.split([video.shape[1], text.shape[1]], dim=1)
    workers = sum(size > 0 for size in sizes)
    start = sum(sizes[: distributed.get_rank()])
    return Pairs(video, text, all_video, all_text, start, weight=workers / max(sum(sizes), 1))


def _sizes_of_all(rows: torch.Tensor) -> list[int]:
    """Return how many rows each worker has."""
    own = torch.tensor([len(rows)], device=rows.device)
    sizes = own.new_empty(distributed.get_world_size())
    distributed.all_gather_into_tensor(sizes, own)
    return sizes.tolist()


class _AllGather(torch.autograd.Function):
    """The tensors of all workers, with a gradient: torch's own is deprecated and its successor private."""

    @staticmethod
    def forward(ctx: Any, rows: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """(B, D) of each worker, equally many rows -> one (B, D) per worker."""
        everyone = [torch.empty_like(rows) for _ in range(distributed.get_world_size())]
        distributed.all_gather(everyone, rows.contiguous())
        return tuple(everyone)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        """Sum what the losses of all workers say about this worker's rows."""
        # Not reduce_scatter, which gloo lacks; vectors are small beside a model's gradients.
        total = torch.stack(gradients)
        distributed.all_reduce(total)
        return total[distributed.get_rank()]
