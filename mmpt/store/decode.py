"""A video file becomes square frames at a fixed rate.

Comes in: a local file, frames per second, a size. Goes out: uint8 arrays (size, size, 3), one at a
time. A decoder is any callable like :class:`FrameDecoder`; :func:`decode_frames` is PyAV's, which
carries its own FFmpeg.
"""

import math
import os
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from mmpt.errors import ConfigError, DataError
from mmpt.utils.optional import require

__all__ = ["FrameDecoder", "TimedFrame", "decode_frames", "resample"]

LONGEST_GAP = 3600
"""Seconds between two frames above which the time stamps are taken for damaged."""
SHARE_DECODED = 0.9
"""A file that ends before this share of the length in its header is taken for truncated.

MP4, MKV and WebM headers hold a length; AVI and MPEG-TS do not, and give what is there."""


class FrameDecoder(Protocol):
    """What turns a file into frames; see :func:`decode_frames` for the contract."""

    def __call__(self, path: str | os.PathLike[str], fps: int, size: int) -> Iterator[np.ndarray]:
        """Yield uint8 frames (size, size, 3)."""


class TimedFrame(NamedTuple):
    """A decoded frame and when it is shown, in exact seconds."""

    start: Fraction
    duration: Fraction
    frame: Any


def decode_frames(
    path: str | os.PathLike[str], fps: int, size: int, threads: int = 1
) -> Iterator[np.ndarray]:
    """Yield the frames of a video on a regular grid (see :func:`resample`), scaled and cropped.

    The short side is scaled to ``size`` (bicubic, the other side rounded), then the middle
    (size, size) is cut out. A rotation stored in the file, as telephones do, is applied.

    Args:
        path: A local file; addresses and playlists that lead elsewhere are not opened.
        fps: Frames per second to give out.
        size: Height and width to give out, in pixels.
        threads: Threads of the decoder.

    Raises:
        DataError: If the file is missing, no video, damaged, truncated, or has no frames.
        ConfigError: If ``fps`` or ``size`` is not positive.
    """
    if fps < 1 or size < 1:
        raise ConfigError(f"fps and size must be positive whole numbers; given are {fps} and {size}.")
    if not Path(path).is_file():
        raise DataError(f"The video {path} does not exist.")
    av = require("av", "extract", "decode videos")
    crop = _SquareCrop(av.video.reformatter.VideoReformatter(), size)
    empty = True
    try:
        # "file:" and the whitelist keep a hostile playlist from reaching the network.
        with av.open(f"file:{Path(path).absolute()}", options={"protocol_whitelist": "file"}) as container:
            stream = _video_stream(container, path)
            stream.codec_context.thread_count = threads
            for frame, repeats in resample(_timed(container, stream, path), fps):
                image = crop(frame)
                for _ in range(repeats):
                    empty = False
                    yield image
    except av.error.FFmpegError as error:
        raise DataError(
            f"The video {path} cannot be decoded ({error.strerror}): no video, damaged or truncated."
        ) from error
    if empty:
        raise DataError(f"The video {path} has no frames.")


def resample(frames: Iterable[TimedFrame], fps: int) -> Iterator[tuple[Any, int]]:
    """Put frames on a regular grid; yield (frame, how often it is repeated).

    Grid point k stands k / fps seconds after the first frame and shows the last frame whose start,
    rounded to the grid (halves up), is not after k. The grid ends with the end of the last frame,
    rounded alike, and has at least one point. On files of constant rate that is what FFmpeg's
    ``fps`` filter gives: at the file's own rate each frame once, at a third of it every third.
    """
    first = end = None
    shown: Any = None
    point = 0
    for start, duration, frame in frames:
        first = start if first is None else first
        position = math.floor((start - first) * fps + Fraction(1, 2))
        if position > point:
            yield shown, position - point
            point = position
        shown, end = frame, start + duration
    if first is not None and end is not None:
        last = math.floor((end - first) * fps + Fraction(1, 2))
        if last > point or point == 0:
            yield shown, max(last - point, 1)


class _SquareCrop:
    """Scales the short side to ``size``, cuts the middle out and turns it upright."""

    def __init__(self, reformatter: Any, size: int) -> None:
        # One reformatter for all frames of a file: it keeps FFmpeg's scaler.
        self._reformatter, self._size = reformatter, size

    def __call__(self, frame: Any) -> np.ndarray:
        short = min(frame.width, frame.height)
        width, height = (
            max(self._size, round(side * self._size / short)) for side in (frame.width, frame.height)
        )
        scaled = self._reformatter.reformat(
            frame, width, height, "rgb24", interpolation="BICUBIC"
        ).to_ndarray()
        top, left = (height - self._size) // 2, (width - self._size) // 2
        square = scaled[top : top + self._size, left : left + self._size]
        return np.ascontiguousarray(np.rot90(square, round(frame.rotation / 90)))


def _video_stream(container: Any, path: str | os.PathLike[str]) -> Any:
    for stream in container.streams.video:
        if not stream.disposition & type(stream.disposition).attached_pic:  # the cover of an audio file
            return stream
    kinds = sorted({stream.type for stream in container.streams})
    raise DataError(f"The file {path} has no video stream, only: {', '.join(kinds) or 'nothing'}.")


def _timed(container: Any, stream: Any, path: str | os.PathLike[str]) -> Iterator[TimedFrame]:
    """Yield frames with their times; check that these are sane and, at the end, that the file was whole."""
    usual = 1 / Fraction(stream.average_rate or stream.guessed_rate or 25)
    end = begin = None
    for frame in container.decode(stream):
        start = frame.pts * frame.time_base if frame.pts is not None else (end or Fraction(0))
        duration = frame.duration * frame.time_base if frame.duration else usual
        if end is not None and start - end > LONGEST_GAP:
            raise DataError(
                f"The video {path} is damaged: after {float(end):.0f} s comes {float(start):.0f} s."
            )
        begin = start if begin is None else begin
        end = start + duration
        yield TimedFrame(start, duration, frame)
    declared = _declared_seconds(container, stream)
    if (
        begin is not None
        and end is not None
        and declared - (end - begin) > max(1, (1 - SHARE_DECODED) * declared)
    ):
        raise DataError(
            f"The video {path} is truncated: its header says {float(declared):.1f} s, "
            f"and {float(end - begin):.1f} s could be decoded."
        )


def _declared_seconds(container: Any, stream: Any) -> Fraction:
    """Return the length in the header; 0 if it says none of the video itself (the sound may be longer)."""
    if stream.duration:
        return Fraction(stream.duration * stream.time_base)
    if container.duration and not container.streams.audio:
        return Fraction(container.duration, 1_000_000)
    return Fraction(0)
