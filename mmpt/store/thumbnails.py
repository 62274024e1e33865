"""Small pictures of videos: the frame at a second, and frames as JPEG, with PyAV alone."""

import base64
import itertools
import os
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmpt.errors import DataError
from mmpt.store.decode import find_window
from mmpt.store.videofile import OpenVideo, decoded_frames, open_video
from mmpt.utils.optional import require

__all__ = ["encode_jpeg", "frame_at", "jpeg_data_uri"]

MOST_FRAMES = 600
"""Frames decoded on the way from a key frame to the second; encoders set a key frame every 250 or so."""


def frame_at(path: str | os.PathLike[str], second: float, size: int = 216) -> NDArray[np.uint8]:
    """Return the frame that a video shows at a second, whole, upright and with square pixels.

    The file is entered at the key frame before, so it takes as long at the end of a video as at its
    beginning. Past the end it is the last frame; where key frames are very rare, one before the second.

    Args:
        path: A local file; what is not opened is said in :mod:`mmpt.store.videofile`.
        second: From the beginning of the first frame on.
        size: Short side in pixels; a smaller picture stays as it is.

    Returns:
        uint8 (height, width, 3), red first.

    Raises:
        DataError: If the file is missing, no video, too oblong, or has no frame that can be decoded.
    """
    with open_video(path) as video:
        frame = _seek(video, Fraction(max(second, 0.0)))
        if frame is None:
            raise DataError(f"The video {path} has no frame that can be decoded.")
        short = min(size, frame.width, frame.height)
        wide, high, _, _ = find_window(
            path, frame.width, frame.height, video.stream.sample_aspect_ratio, short
        )
        picture = frame.to_ndarray(format="rgb24", width=wide, height=high, interpolation="AREA")
        return np.ascontiguousarray(np.rot90(picture, round(frame.rotation / 90)))


def _seek(video: OpenVideo, second: Fraction) -> Any:
    first = next(decoded_frames(video), None)
    if first is None or not second:
        return first
    wanted = _begin(video, first) + second
    video.container.seek(int(wanted / video.stream.time_base), stream=video.stream)
    if found := _last_until(video, wanted):
        return found
    # Containers without an index may be entered too late: read from the beginning.
    video.container.seek(0)
    return _last_until(video, wanted) or first


def _last_until(video: OpenVideo, wanted: Fraction) -> Any:
    """Return the last of the coming frames that begins at ``wanted`` or before; None if none does."""
    found = None
    for frame in itertools.islice(decoded_frames(video), MOST_FRAMES):
        if _begin(video, frame) > wanted:
            break
        found = frame
    return found


def _begin(video: OpenVideo, frame: Any) -> Fraction:
    return Fraction((frame.pts or 0) * (frame.time_base or video.stream.time_base))


def encode_jpeg(frame: NDArray[np.uint8], quantiser: int = 3) -> bytes:
    """Return a frame as a JPEG file.

    Args:
        frame: uint8 (height, width, 3), red first.
        quantiser: 2 is best, 31 is smallest.

    Raises:
        DataError: If the array is no such frame.
    """
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or 0 in frame.shape:
        raise DataError(
            f"A thumbnail needs a uint8 frame (height, width, 3); got {frame.dtype} {frame.shape}."
        )
    av: Any = require("av", "extract", "write thumbnails")
    codec = av.CodecContext.create("mjpeg", "w")
    codec.height, codec.width = frame.shape[:2]
    # Full colour resolution: half of it would smear the edges of small coloured shapes.
    codec.pix_fmt = "yuvj444p"
    codec.time_base = Fraction(1)
    codec.thread_count = 1
    codec.options = {"qmin": str(quantiser), "qmax": str(quantiser)}
    image = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
    packets = [*codec.encode(image.reformat(format=codec.pix_fmt)), *codec.encode(None)]
    return b"".join(bytes(packet) for packet in packets)


def jpeg_data_uri(frame: NDArray[np.uint8]) -> str:
    """Return a frame as a ``data:`` address that an ``<img>`` can show."""
    return "data:image/jpeg;base64," + base64.b64encode(encode_jpeg(frame)).decode("ascii")
