"""A local video file, opened with PyAV: its frames with their times, and whether it was whole.

Only files in containers of video are opened: no address, no playlist, no script that names other files,
whatever the file is called. What is damaged is skipped, as players do; at the end it is decided whether
too much was: a file that lost more than a tenth is refused, one that lost less is used with a warning.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from mmpt.errors import DataError
from mmpt.store.framegrid import TimedFrame
from mmpt.utils.logging import get_logger
from mmpt.utils.optional import require

__all__ = [
    "OpenVideo",
    "check_length",
    "declared_seconds",
    "decoded_frames",
    "open_video",
    "timed_frames",
]

LONGEST_GAP = 3600
"""Seconds between two frames above which the time stamps are taken for damaged."""
SHARE_WHOLE = Fraction(9, 10)
"""Share of its length, and of its packets, that a file must give; below it is truncated or damaged."""
CONTAINERS = ",".join(
    ["mov", "matroska", "avi", "mpegts", "mpeg", "mpegvideo", "flv", "asf", "ogg", "nut", "mxf", "dv", "ivf"]
)
"""FFmpeg's names of what is opened. Not among them: hls, dash, concat, image2, sdp, lavfi ..."""
GUESSED = frozenset({"mpeg", "mpegts", "mpegvideo", "dv", "ivf"})
"""Containers without a length."""
_TAG = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")

logger = get_logger(__name__)


class OpenVideo(NamedTuple):
    """An open file and the video in it."""

    path: str | os.PathLike[str]
    container: Any
    stream: Any


@contextmanager
def open_video(path: str | os.PathLike[str], threads: int = 1) -> Iterator[OpenVideo]:
    """Open a file and close it at the end of the block; errors of FFmpeg in the block become ours.

    Args:
        path: A local file.
        threads: Threads of the decoder.

    Raises:
        DataError: If the file is missing, empty, no video, or FFmpeg finds it damaged.
    """
    if not Path(path).is_file():
        reason = "is no regular file" if Path(path).exists() else "does not exist"
        raise DataError(f"The video {path} {reason}.")
    if not Path(path).stat().st_size:
        raise DataError(f"The video {path} is empty: 0 bytes. Get it again.")
    av = require("av", "extract", "decode videos")
    # "file:" keeps a name such as "concat:a|b" a name; the lists keep a playlist from reaching anything.
    options = {"protocol_whitelist": "file", "format_whitelist": CONTAINERS}
    try:
        with av.open(f"file:{Path(path).absolute()}", options=options) as container:
            stream = _video_stream(container, path)
            stream.codec_context.thread_count = threads
            yield OpenVideo(path, container, stream)
    except MemoryError:  # also an FFmpegError, and no fault of the file's form
        raise
    except av.error.FFmpegError as error:
        raise DataError(
            f"The video {path} cannot be decoded ({error.strerror}): no video, damaged or truncated."
        ) from error


def timed_frames(video: OpenVideo) -> Iterator[TimedFrame]:
    """Yield the frames in the order in which they are shown, with their times.

    Raises:
        DataError: If the times are nonsense, or, after the last frame, if there was none or the file
            was not whole.
    """
    usual = 1 / Fraction(video.stream.average_rate or video.stream.guessed_rate or 25)
    begin = end = None
    packets = _Packets(video)
    for frame in packets.frames():
        unit = frame.time_base or video.stream.time_base
        start = frame.pts * unit if frame.pts is not None else (end or Fraction(0))
        duration = frame.duration * unit
        if not 0 < duration <= LONGEST_GAP:
            duration = usual
        if end is not None and start - end > LONGEST_GAP:
            raise DataError(
                f"The video {video.path} is damaged: after {float(end):.0f} s comes {float(start):.0f} s."
            )
        begin = start if begin is None else begin
        end = start + duration
        yield TimedFrame(start, duration, frame)
    if begin is None or end is None:
        raise DataError(
            f"The video {video.path} has no frames ({packets.total} packets, {packets.lost} damaged)."
        )
    packets.check(end - begin)


def decoded_frames(video: OpenVideo) -> Iterator[Any]:
    """Yield PyAV's frames from where the file stands; what is damaged is left out."""
    return _Packets(video).frames()


def declared_seconds(container: Any, stream: Any) -> Fraction:
    """Return the video's length in the header; 0 if it says none of the video itself.

    MP4 and MOV say it, AVI says the number of frames, MKV and WebM often have it as a tag. Otherwise
    the length of the whole counts, unless there is sound, which may be longer.
    """
    form = container.format.name
    if form.startswith("mov") and stream.duration:
        return Fraction(stream.duration * stream.time_base)
    if form == "avi" and stream.average_rate:
        return stream.frames / Fraction(stream.average_rate)
    if tagged := _TAG.fullmatch(stream.metadata.get("DURATION", "")):
        hours, minutes, seconds = map(Fraction, tagged.groups())
        return 3600 * hours + 60 * minutes + seconds
    return Fraction(0) if container.streams.audio else _whole_seconds(container)


def check_length(path: str | os.PathLike[str], declared: Fraction, found: Fraction) -> None:
    """Compare the seconds in the header with those that were found.

    Raises:
        DataError: If more than a tenth, and more than a second, is missing.
    """
    if declared - found > max(Fraction(1), (1 - SHARE_WHOLE) * declared):
        raise DataError(
            f"The video {path} is truncated: its header says {float(declared):.1f} s, "
            f"and {float(found):.1f} s could be decoded."
        )


class _Packets:
    """Reads a file to its end or as far as it goes, and keeps count of what is damaged."""

    def __init__(self, video: OpenVideo) -> None:
        self._video = video
        self._av = require("av", "extract", "decode videos")
        self._reached = Fraction()
        self._stopped = ""
        self.total = self.lost = 0

    def frames(self) -> Iterator[Any]:
        """Yield all frames that can be decoded."""
        container, stream = self._video.container, self._video.stream
        # Where only the length of the whole is known, the sound tells how far the file goes, too.
        sound = () if declared_seconds(container, stream) else container.streams.audio
        try:
            for packet in container.demux(stream, *sound):
                self._note_end(packet)
                if packet.stream_index == stream.index:
                    self.total += packet.size > 0
                    yield from self._decoded(packet.decode)
        except MemoryError:
            raise
        except self._av.error.FFmpegError as error:
            self._stopped = error.strerror
            yield from self._decoded(stream.decode)

    def check(self, length: Fraction) -> None:
        """Refuse a file that lost too much; warn of one that lost less."""
        path, container = self._video.path, self._video.container
        declared = declared_seconds(container, self._video.stream)
        whole = _whole_seconds(container)
        check_length(path, declared, length)
        if not declared:
            begin = Fraction(container.start_time or 0, 1_000_000)
            check_length(path, whole, max(length, self._reached - begin))
        if self.lost > (1 - SHARE_WHOLE) * self.total or (self._stopped and not whole):
            raise DataError(
                f"The video {path} is damaged: {self.lost} of {self.total} packets cannot be decoded"
                f"{self._stopped and f', and reading ended with: {self._stopped}'}."
            )
        if self.lost or self._stopped or declared - length > 1:
            logger.warning(
                "The video %s is used without its damaged parts: %d of %d packets; %.1f of %.1f s are there.",
                path,
                self.lost,
                self.total,
                length,
                declared or whole,
            )

    def _decoded(self, decode: Any) -> Iterator[Any]:
        try:
            yield from decode()
        except MemoryError:
            raise
        except self._av.error.EOFError:  # nothing is left in a decoder that was emptied
            return
        except self._av.error.FFmpegError:
            self.lost += 1

    def _note_end(self, packet: Any) -> None:
        if packet.pts is not None and packet.time_base:
            end = Fraction((packet.pts + (packet.duration or 0)) * packet.time_base)
            self._reached = max(self._reached, end)


def _whole_seconds(container: Any) -> Fraction:
    """Return the length of the whole in the header; 0 if FFmpeg only guesses it from what is there."""
    return Fraction(0 if container.format.name in GUESSED else container.duration or 0, 1_000_000)


def _video_stream(container: Any, path: str | os.PathLike[str]) -> Any:
    for stream in container.streams.video:
        if stream.disposition & type(stream.disposition).attached_pic:  # the cover of an audio file
            continue
        if stream.codec_context is None:
            raise DataError(f"The video {path} is coded in a way that this FFmpeg does not know.")
        return stream
    kinds = sorted({stream.type for stream in container.streams})
    raise DataError(f"The file {path} has no video stream, only: {', '.join(kinds) or 'nothing'}.")
