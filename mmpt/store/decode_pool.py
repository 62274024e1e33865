"""Videos decoded by several threads while the caller computes.

Comes in: a list of videos. Goes out: their seconds, mixed, each video's in order. A thread decodes itself,
for FFmpeg works outside Python's lock, or it watches over a process that does
(:class:`mmpt.store.decode_process.ProcessDecoder`); that costs about the same. The queue between is bounded,
so memory is too.
"""

import queue
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Self

import numpy as np

from mmpt.errors import DataError
from mmpt.store.decode import FrameDecoder
from mmpt.store.paths import VideoJob

__all__ = ["DecodePool", "Message", "whole_seconds"]

Message = tuple[VideoJob, np.ndarray | DataError | None]
"""A second of a video (fps, size, size, 3) uint8; None: the video is over; an error: it is unusable."""

PATIENCE = 0.1
"""Seconds between two looks at whether the pool was closed."""


def whole_seconds(frames: Iterable[np.ndarray], fps: int) -> Iterator[np.ndarray]:
    """Join frames to seconds, or clips of other lengths, (fps, H, W, 3); the last is filled up with black."""
    second: list[np.ndarray] = []
    for frame in frames:
        second.append(frame)
        if len(second) == fps:
            yield np.stack(second)
            second = []
    if second:
        black = np.zeros_like(second[0])
        yield np.stack(second + [black] * (fps - len(second)))


class DecodePool:
    """Threads that decode; use it in a ``with`` block, which ends them.

    Args:
        jobs: The videos.
        decoder: Turns a file into frames.
        fps: Frames per second.
        size: Height and width in pixels.
        threads: Number of videos decoded at a time.
        capacity: Clips held at most, beside the ones being put together.
        clip_frames: Frames in a clip; by default a second of them.
    """

    def __init__(
        self,
        jobs: Sequence[VideoJob],
        decoder: FrameDecoder,
        fps: int,
        size: int,
        threads: int,
        capacity: int,
        clip_frames: int | None = None,
    ) -> None:
        self._decoder, self._fps, self._size = decoder, fps, size
        self._clip_frames = clip_frames or fps
        self._jobs: queue.SimpleQueue[VideoJob] = queue.SimpleQueue()
        for job in jobs:
            self._jobs.put(job)
        self._left = len(jobs)
        self._out: queue.Queue[Message | BaseException] = queue.Queue(capacity)
        self._closed = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, name=f"decode-{number}", daemon=True)
            for number in range(min(threads, len(jobs)))
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._closed.set()
        for thread in self._threads:
            thread.join()

    def __iter__(self) -> Iterator[Message]:
        while self._left:
            message = self._out.get()
            if isinstance(message, BaseException):
                raise message
            self._left -= not isinstance(message[1], np.ndarray)
            yield message

    def _work(self) -> None:
        try:
            while not self._closed.is_set():
                self._decode(self._jobs.get_nowait())
        except queue.Empty:
            return
        except _ClosedError:
            return
        # A fault that is no bad file, such as a missing package, ends the whole run in the caller.
        except BaseException as error:
            with suppress(_ClosedError):
                self._put(error)

    def _decode(self, job: VideoJob) -> None:
        end: DataError | None = DataError(f"The video {job.video} has no frames.")
        try:
            for second in whole_seconds(self._decoder(job.video, self._fps, self._size), self._clip_frames):
                self._put((job, second))
                end = None
        except DataError as error:
            end = error
        self._put((job, end))

    def _put(self, message: Message | BaseException) -> None:
        while not self._closed.is_set():
            try:
                self._out.put(message, timeout=PATIENCE)
            except queue.Full:
                continue
            return
        raise _ClosedError


class _ClosedError(Exception):
    """The caller wants no more seconds."""
