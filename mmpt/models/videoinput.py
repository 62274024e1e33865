"""What a video may be given as: its frames, its features, or the name of a file that holds either.

Comes in: any mix of these. Goes out: features (T, 512), one row per second. Frames of all videos are
encoded together and few at a time, those of a file as they are decoded: a long video never lies in
memory as frames.
"""

import os
from collections.abc import Iterable, Sequence
from itertools import groupby, islice
from pathlib import Path

import numpy as np
import torch

from mmpt.encoders import VideoEncoder, encode
from mmpt.errors import DataError
from mmpt.models.frameencoder import FrameEncoder
from mmpt.store.decode import decode_frames
from mmpt.store.decode_pool import whole_seconds
from mmpt.store.npyfile import read_array
from mmpt.utils.progress import progress

__all__ = ["Video", "read_features"]

Video = torch.Tensor | np.ndarray | str | os.PathLike[str]
"""Frames (T, fps, H, W, 3), uint8 or float in 0..1 (rounded to bytes); features (T, 512); or a file: a
video, or features as ``.npy``."""

_PATIENCE = 5.0  # seconds without a progress bar
_SECONDS_AT_ONCE = 8  # through the encoder; bounds memory (S3D takes up to 0.5 GB for a second at 224)


def read_features(
    videos: torch.Tensor | Sequence[Video], frame_encoder: FrameEncoder, like: torch.Tensor
) -> list[torch.Tensor]:
    """Return the features (T, 512) of each video.

    Args:
        videos: Any mix of kinds and lengths.
        frame_encoder: Encodes frames; it is built if there are any.
        like: Where features are to be, and in which precision.

    Raises:
        DataError: If a video has another shape or no second, or its file cannot be read or decoded.
        CheckpointError: If the weights of the encoder are missing or of another network.
        ConfigError: If the encoder is not the one of the model.
    """
    if isinstance(videos, (str, os.PathLike)):
        raise DataError(f"A single video, {videos!r}, was given where several may stand; put it in a list.")
    if not len(videos):
        raise DataError("No video was given; give at least one.")
    given = [_features(video, frame_encoder) for video in videos]
    rows: dict[int, list[torch.Tensor]] = {}
    numbered = (
        (number, clip)
        for number, features in enumerate(given)
        if features is None
        for clip in _clips(videos[number], frame_encoder.on(like.device))
    )
    clips = progress(numbered, "encode", unit="s", delay=_PATIENCE)
    # Clips of one size at a time: videos that are given as frames may differ.
    for _, same in groupby(clips, key=lambda each: each[1].shape):
        while batch := list(islice(same, _SECONDS_AT_ONCE)):
            frames = torch.stack([clip for _, clip in batch]).to(like.device)
            vectors = encode(frame_encoder.on(like.device), frames, frame_encoder.l2_normalize)
            for (number, _), vector in zip(batch, vectors, strict=True):
                rows.setdefault(number, []).append(vector)
    encoded = [torch.stack(rows[number]) if each is None else each for number, each in enumerate(given)]
    if len(widths := {features.shape[1] for features in encoded}) > 1:
        raise DataError(
            f"Features of several widths were given, {', '.join(map(str, sorted(widths)))}; a model reads "
            "one. Extract them with the encoder of its training."
        )
    return [features.to(like) for features in encoded]


def _features(video: Video, frame_encoder: FrameEncoder) -> torch.Tensor | None:
    """Return the features that were given, or None for frames."""
    name = ""
    if isinstance(video, (str, os.PathLike)):
        if Path(video).suffix != ".npy":
            return None
        name, video = f" in {video}", read_array(video)
    tensor = torch.as_tensor(video)
    if tensor.ndim == 2 and len(tensor):
        return tensor
    if not name and tensor.ndim == 5 and tensor.shape[4] == 3 and len(tensor):
        return None
    raise _other_shape(tensor, frame_encoder.frames, name)


def _clips(video: Video, encoder: VideoEncoder) -> Iterable[torch.Tensor]:
    """Yield the seconds of a video as frames, uint8 (fps, H, W, 3)."""
    spec = encoder.spec
    if isinstance(video, (str, os.PathLike)):
        frames = decode_frames(video, spec.fps, spec.size, interpolation=spec.interpolation)
        return map(torch.from_numpy, whole_seconds(frames, spec.frames))
    video = torch.as_tensor(video)
    if video.shape[1] != spec.frames:
        raise _other_shape(video, spec.frames)
    return map(_as_bytes, video)


def _as_bytes(frames: torch.Tensor) -> torch.Tensor:
    return frames.mul(255).round().clamp(0, 255).byte() if frames.is_floating_point() else frames


def _other_shape(video: torch.Tensor, frames: int | str, name: str = "") -> DataError:
    return DataError(
        f"A video of shape {tuple(video.shape)} was given{name}. Give frames (seconds, {frames}, height, "
        "width, 3) or features (seconds, width), at least one second, or the name of a file of either."
    )
