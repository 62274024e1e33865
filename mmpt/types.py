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

__all__ = [
    "IGNORED",
    "CaptionExample",
    "Example",
    "LocalizationExample",
    "MaskedExample",
    "MaskedLogits",
    "ModelInput",
    "MomentExample",
    "Pooled",
    "QAExample",
    "SegmentationExample",
]

IGNORED = -100
"""Label of positions that do not count."""


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


class MaskedExample(Example):
    """Clips with frames and words masked, and what stood there."""

    video_label: torch.Tensor
    """True at masked seconds, bool (S, T)."""
    text_label: torch.Tensor
    """The original token where one is to be predicted, -100 elsewhere, int64 (S, L)."""
    attention_mask: NotRequired[torch.Tensor]
    """True where a row of ``[CLS] video [SEP] text`` sees a column, bool (S, T + L, T + L)."""


class CaptionExample(ModelInput):
    """A clip, and its caption to learn from or the prompt of one to be written."""

    attention_mask: torch.Tensor
    """True where a row of ``[CLS] video [SEP] text`` sees a column, bool (T + L, T + L)."""
    video_id: str | list[str]
    """Id of the video."""
    text_label: NotRequired[torch.Tensor]
    """Training: the next token, or -100 where none is asked for, int64 (L,)."""
    text: NotRequired[str]
    """Test: what a person wrote about the clip."""
    clip: NotRequired[str]
    """Test: name of the clip, equal in all items that are about the same seconds."""


class QAExample(ModelInput):
    """A video and its candidate answers; ``caps`` and ``cmasks`` are (candidates, L)."""

    video_id: str | list[str]
    """Id of the video."""
    answers: torch.Tensor
    """Number of the right candidate, from 0, int64 (1,)."""


class SegmentationExample(ModelInput):
    """All W windows of one video, each second with its class; ``caps`` (W, 4) is a dummy."""

    targets: torch.Tensor
    """Class of each position, 0 for background, -100 after the end of the video; int64 (W, T)."""
    video_targets: torch.Tensor
    """Class of each second of the video, int64 (seconds,)."""
    video_len: int | torch.Tensor
    """Seconds of the video."""
    video_id: str | list[str]
    """Id of the video."""


class LocalizationExample(ModelInput):
    """All W windows of one video, and the steps of its task; ``caps`` and ``cmasks`` are (steps, L)."""

    targets: torch.Tensor
    """1 where a step happens; rows are the seconds of all windows, joined; float32 (rows, steps)."""
    video_targets: torch.Tensor
    """The same for the seconds of the video, float32 (seconds, steps)."""
    video_len: int | torch.Tensor
    """Seconds of the video."""
    task_id: str | list[str]
    """Id of the task."""
    video_id: str | list[str]
    """Id of the video."""


class MomentExample(ModelInput):
    """A video and a sentence about one moment of it."""

    video_id: str | list[str]
    """Id of the video."""
    times: torch.Tensor
    """First and last chunk of the moment, one row per annotator, int64 (A, 2). Where items of one file
    have more annotators than others, the rows that an item lacks are -1."""


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


class MaskedLogits(TypedDict):
    """What a masked model returns when it is given labels: rows for masked positions only."""

    video_logits: torch.Tensor
    """One row per masked frame, in the order of the batch; the right frame is column 0."""
    text_logits: torch.Tensor
    """One row per masked word, in the order of the batch; the first V columns are the vocabulary."""
