"""A video file becomes square frames at a fixed rate.

Comes in: a local file, frames per second, a size. Goes out: uint8 arrays (size, size, 3), one at a
time. A decoder is any callable like :class:`FrameDecoder`. :func:`decode_frames` is PyAV's, which
carries its own FFmpeg; :class:`mmpt.store.decode_process.ProcessDecoder` runs any of them in processes
of their own; :class:`mmpt.store.decode_torchcodec.TorchcodecDecoder` may decode on a GPU.
"""

import os
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Literal, Protocol

import numpy as np

from mmpt.errors import ConfigError, DataError
from mmpt.store.framegrid import SquareWindow, resample, square_window
from mmpt.store.videofile import open_video, timed_frames
from mmpt.utils.optional import require

__all__ = ["FrameDecoder", "Interpolation", "check_request", "decode_frames", "find_window"]

Interpolation = Literal["bilinear", "bicubic"]
"""How frames are scaled; both average over all pixels when they become fewer."""


class FrameDecoder(Protocol):
    """What turns a file into frames; see :func:`decode_frames` for the contract."""

    def __call__(self, path: str | os.PathLike[str], fps: int, size: int) -> Iterator[np.ndarray]:
        """Yield uint8 frames (size, size, 3)."""


def decode_frames(
    path: str | os.PathLike[str],
    fps: int,
    size: int,
    threads: int = 1,
    interpolation: Interpolation = "bicubic",
) -> Iterator[np.ndarray]:
    """Yield the frames of a video on the grid of :mod:`mmpt.store.framegrid`, scaled and cropped.

    The short side is scaled to ``size`` (the other side rounded), then the middle
    (size, size) is cut out. Pixels that are not square are made so, and a rotation stored in the
    file, as telephones do, is applied.

    Args:
        path: A local file; addresses, and playlists and scripts that lead elsewhere, are not opened.
        fps: Frames per second to give out.
        size: Height and width to give out, in pixels.
        threads: Threads of the decoder.
        interpolation: How frames are scaled.

    Raises:
        DataError: If the file is missing, no video, damaged, truncated, or has no frames.
        ConfigError: If ``fps`` or ``size`` is not positive.
    """
    check_request(fps, size)
    with open_video(path, threads) as video:
        crop = _SquareCrop(path, video.stream.sample_aspect_ratio, size, interpolation)
        for frame, repeats in resample(timed_frames(video), fps):
            image = crop(frame)
            for _ in range(repeats):
                yield image


def check_request(fps: int, size: int) -> None:
    """Refuse what no decoder can give.

    Raises:
        ConfigError: If ``fps`` or ``size`` is not positive.
    """
    if fps < 1 or size < 1:
        raise ConfigError(f"fps and size must be positive whole numbers; given are {fps} and {size}.")


def find_window(
    path: str | os.PathLike[str], width: int, height: int, pixel: Fraction | None, size: int
) -> SquareWindow:
    """Return what :func:`mmpt.store.framegrid.square_window` does.

    Raises:
        DataError: If the picture is too oblong.
    """
    window = square_window(width, height, pixel, size)
    if window is None:
        raise DataError(f"The video {path} has too oblong a picture for a square: {width}x{height} pixels.")
    return window


class _SquareCrop:
    """Scales the short side to ``size``, cuts the middle out and turns it upright."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        pixel: Fraction | None,
        size: int,
        interpolation: Interpolation,
    ) -> None:
        # One reformatter for all frames of a file: it keeps FFmpeg's scaler.
        av = require("av", "extract", "decode videos")
        self._reformatter = av.video.reformatter.VideoReformatter()
        self._path, self._pixel, self._size = path, pixel, size
        self._interpolation = interpolation.upper()

    def __call__(self, frame: Any) -> np.ndarray:
        wide, high, left, top = find_window(self._path, frame.width, frame.height, self._pixel, self._size)
        # One thread: several videos are decoded side by side, and more per frame only get in their way.
        scaled = self._reformatter.reformat(
            frame, wide, high, "rgb24", interpolation=self._interpolation, threads=1
        ).to_ndarray()
        square = scaled[top : top + self._size, left : left + self._size]
        return np.ascontiguousarray(np.rot90(square, round(frame.rotation / 90)))
