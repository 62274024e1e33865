"""Frames by torchcodec, which decodes on an NVIDIA GPU where its build and FFmpeg can.

The grid and the square are those of :func:`mmpt.store.decode.decode_frames`; the scaling is torch's
(with antialiasing), so that pixels differ a little from FFmpeg's. A damaged frame ends the video,
where PyAV goes on.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmpt.errors import DataError, MissingDependencyError
from mmpt.store.decode import Interpolation, check_request, find_window
from mmpt.store.framegrid import TimedFrame, resample
from mmpt.store.videofile import check_length, declared_seconds, open_video
from mmpt.utils.optional import require

__all__ = ["TorchcodecDecoder"]

AT_ONCE = 32
"""Frames decoded at a time: 200 MB of them at 1920 x 1080."""
MICRO = 1_000_000
"""torchcodec gives times as floats; they are taken to the microsecond."""


@dataclass(frozen=True)
class TorchcodecDecoder:
    """A :class:`mmpt.store.decode.FrameDecoder` by torchcodec.

    Args:
        device: Where frames are decoded and scaled, such as ``"cuda"``; they are given out on the CPU.
        threads: Threads of the decoder on a CPU.
        interpolation: How frames are scaled.
    """

    device: str = "cpu"
    threads: int = 1
    interpolation: Interpolation = "bicubic"

    def __call__(self, path: str | os.PathLike[str], fps: int, size: int) -> Iterator[np.ndarray]:
        """Yield uint8 frames (size, size, 3).

        Raises:
            DataError: If the video cannot be used.
            MissingDependencyError: If torchcodec or its FFmpeg is not there.
        """
        check_request(fps, size)
        # PyAV looks first: only local files in containers of video reach torchcodec.
        with open_video(path) as video:
            declared = declared_seconds(video.container, video.stream)
            index, pixel = video.stream.index, video.stream.sample_aspect_ratio
        try:
            decoder = _library().VideoDecoder(
                str(Path(path).absolute()),
                stream_index=index,
                dimension_order="NCHW",
                num_ffmpeg_threads=self.threads,
                device=self.device,
            )
            if pixel and round((decoder.metadata.rotation or 0) / 90) % 2:
                pixel = 1 / pixel  # frames come upright
            for frame, repeats in resample(_timed(decoder, path, declared), fps):
                image = _square(frame, path, pixel, size, self.interpolation)
                for _ in range(repeats):
                    yield image
        except (RuntimeError, ValueError) as error:
            raise DataError(f"torchcodec cannot decode the video {path}: {error}") from error


def _library() -> Any:
    try:
        return require("torchcodec.decoders", "torchcodec", "decode videos with torchcodec")
    except (RuntimeError, OSError) as error:
        raise MissingDependencyError(
            f"torchcodec is installed and cannot be loaded: {error}. It needs FFmpeg's shared libraries on "
            "the library path, and a version for this torch: see github.com/pytorch/torchcodec."
        ) from error


def _timed(decoder: Any, path: str | os.PathLike[str], declared: Fraction) -> Iterator[TimedFrame]:
    begin = end = Fraction(0)
    for first in range(0, len(decoder), AT_ONCE):
        batch = decoder.get_frames_in_range(first, min(first + AT_ONCE, len(decoder)))
        times = zip(batch.pts_seconds.tolist(), batch.duration_seconds.tolist(), batch.data, strict=True)
        for number, (start, duration, frame) in enumerate(times, first):
            timed = TimedFrame(
                Fraction(round(start * MICRO), MICRO), Fraction(round(duration * MICRO), MICRO), frame
            )
            begin = begin if number else timed.start
            end = timed.start + timed.duration
            yield timed
    if not len(decoder):
        raise DataError(f"The video {path} has no frames.")
    check_length(path, declared, end - begin)


def _square(
    frame: torch.Tensor,
    path: str | os.PathLike[str],
    pixel: Fraction | None,
    size: int,
    interpolation: Interpolation,
) -> np.ndarray:
    """Scale and crop a frame (3, H, W)."""
    height, width = frame.shape[1:]
    wide, high, left, top = find_window(path, width, height, pixel, size)
    scaled = torch.nn.functional.interpolate(
        frame[None].float(), (high, wide), mode=interpolation, antialias=True, align_corners=False
    )[0]
    square = scaled[:, top : top + size, left : left + size]
    return square.round_().clamp_(0, 255).to(torch.uint8).permute(1, 2, 0).contiguous().cpu().numpy()
