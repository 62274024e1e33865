"""Pooling of hidden states to one vector per video and per text (VideoCLIP, section 3.1)."""

import torch
from torch.nn import functional

__all__ = ["masked_mean", "pool_text", "pool_video", "states_of_seconds"]


def masked_mean(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the mean of the hidden states (B, N, D) where ``mask`` (B, N) is True: (B, D).

    A row without any True gives zeros.
    """
    weights = mask.to(hidden.dtype).unsqueeze(-1)
    return (hidden * weights).sum(1) / weights.sum(1).clamp(min=1)


def states_of_seconds(hidden: torch.Tensor, seconds: int) -> torch.Tensor:
    """Return the hidden states of the seconds alone, (B, T, D).

    Args:
        hidden: Hidden states of ``[CLS] video [SEP] ...``, (B, T + 2 or more, D).
        seconds: T.
    """
    return hidden[:, 1 : seconds + 1]


def pool_video(hidden: torch.Tensor, vmasks: torch.Tensor) -> torch.Tensor:
    """Return the mean over the valid seconds and the video's ``[SEP]``, which always counts.

    Args:
        hidden: Hidden states of ``[CLS] video [SEP] ...``, (B, T + 2 or more, D).
        vmasks: True at valid seconds, (B, T).
    """
    length = vmasks.shape[1]
    return masked_mean(hidden[:, 1 : length + 2], functional.pad(vmasks, (0, 1), value=True))


def pool_text(hidden: torch.Tensor, cmasks: torch.Tensor) -> torch.Tensor:
    """Return the mean over the text tokens and the last ``[SEP]``.

    Args:
        hidden: Hidden states that end with those of ``caps[:, 2:]``, (B, L - 2 or more, D).
        cmasks: True where ``caps`` is not padding, (B, L).
    """
    mask = cmasks[:, 2:]
    return masked_mean(hidden[:, hidden.shape[1] - mask.shape[1] :], mask)
