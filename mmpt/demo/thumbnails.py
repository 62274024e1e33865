"""Frames as JPEG inside a page: no files beside it, no image library beyond PyAV."""

import base64
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmpt.errors import DataError
from mmpt.utils.optional import require

__all__ = ["encode_jpeg", "jpeg_data_uri"]

_QUALITY = "3"
"""Quantiser of the JPEG encoder: 2 is best, 31 is smallest."""


def encode_jpeg(frame: NDArray[np.uint8]) -> bytes:
    """Return a frame as a JPEG file.

    Args:
        frame: uint8 (height, width, 3), red first.

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
    codec.options = {"qmin": _QUALITY, "qmax": _QUALITY}
    image = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
    packets = [*codec.encode(image.reformat(format=codec.pix_fmt)), *codec.encode(None)]
    return b"".join(bytes(packet) for packet in packets)


def jpeg_data_uri(frame: NDArray[np.uint8]) -> str:
    """Return a frame as a ``data:`` address that an ``<img>`` can show."""
    return "data:image/jpeg;base64," + base64.b64encode(encode_jpeg(frame)).decode("ascii")
