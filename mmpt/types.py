"""The records that flow through the toolkit, and the one notation for tensor shapes.

Shapes are written ``(B, S, T, D)`` with these letters everywhere:

=====  ==========================================================================
B      batch: items of a dataset, or clips once (B, S) is flattened
S      clips drawn from one item (``subsampling`` or ``clip_per_video``)
T      seconds of video = video tokens, at most ``max_video_len``
L      text positions: ``max_len - max_video_len``
D      width of a vector: 512 for S3D features, the hidden size inside a model
V      vocabulary size
=====  ==========================================================================

A sequence is ``[CLS] video... [SEP] text... [SEP] [PAD]...``; its text part is stored as
``caps = [CLS] [SEP] text [SEP] [PAD]...`` and its video part as ``vfeats``.
"""

from typing import NotRequired, TypedDict

import torch

__all__ = ["Example", "ModelInput", "Pooled"]


class ModelInput(TypedDict):
    """What every fusion model reads; also one batch of a dataset."""

    caps: torch.Tensor
    """Token ids, int64 (B, L)."""
    cmasks: torch.Tensor
    """True where ``caps`` is not padding, bool (B, L)."""
    vfeats: torch.Tensor
    """Video features, zero-padded, float32 (B, T, D)."""
    vmasks: torch.Tensor
    """True where ``vfeats`` is a real second, bool (B, T)."""


class Example(ModelInput):
    """One dataset item; with sampled clips every tensor carries a leading S."""

    video_id: str | list[str]
    """Id of the video (one per clip in batches)."""
    video_start: NotRequired[torch.Tensor]
    """First second of the clip, int64 (S,)."""
    video_end: NotRequired[torch.Tensor]
    """Second after the last of the clip, int64 (S,)."""
    text_start: NotRequired[torch.Tensor]
    """Start of the first caption of the clip in seconds, float32 (S,)."""
    text_end: NotRequired[torch.Tensor]
    """End of the last caption of the clip in seconds, float32 (S,)."""


class Pooled(TypedDict):
    """What a retrieval model returns."""

    pooled_video: torch.Tensor
    """(B, D)."""
    pooled_text: torch.Tensor
    """(B, D)."""
    hidden_video: NotRequired[torch.Tensor]
    """Last hidden states of ``[CLS] video [SEP]``, (B, T + 2, D)."""
    hidden_text: NotRequired[torch.Tensor]
    """Last hidden states of ``[CLS] text [SEP]``, (B, L - 1, D)."""
