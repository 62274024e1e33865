"""What kind of video a file is, in the words in which browsers are asked whether they can play it."""

import os
from functools import lru_cache

from mmpt.store.videofile import open_video

__all__ = ["media_type"]

_CONTAINERS = {
    "mov": "video/mp4",
    "matroska": "video/x-matroska",
    "avi": "video/x-msvideo",
    "mpegts": "video/mp2t",
    "mpeg": "video/mpeg",
    "flv": "video/x-flv",
    "asf": "video/x-ms-wmv",
    "ogg": "video/ogg",
}
"""FFmpeg's name -> MIME type (the first word of the name: it lists relatives)."""
_CODECS = {
    "h264": "avc1.640028",
    "hevc": "hvc1.1.6.L93.B0",
    "av1": "av01.0.04M.08",
    "vp9": "vp09.00.10.08",
    "mpeg4": "mp4v.20.9",
}
"""FFmpeg's name -> name in a MIME type (RFC 6381), of a usual profile; other names go as they are."""


@lru_cache(maxsize=4096)
def media_type(path: str, changed: int) -> str:
    """Return the MIME type of a video file with its codec, such as ``video/mp4; codecs="avc1.640028"``.

    Args:
        path: The file.
        changed: When it was changed last, in nanoseconds: a changed file is looked at again.

    Raises:
        DataError: If it is no video.
    """
    with open_video(path) as video:
        container = video.container.format.name.split(",")[0]
        codec = video.stream.codec_context.name
    kind = _CONTAINERS.get(container, "video/x-" + container)
    if container == "matroska" and os.path.splitext(path)[1].lower() == ".webm":
        kind = "video/webm"
    return f'{kind}; codecs="{_CODECS.get(codec, codec)}"'
