"""A decoder in processes of their own, so that a hostile or unlucky video ends its process and not the run.

A video that crashes the decoder, hangs it, or wants more time, memory or frames than it may have is
reported like any other that cannot be used: its process is killed, and the next video gets a new one.
"""

import math
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from mmpt.errors import ConfigError, DataError, MissingDependencyError, MMPTError
from mmpt.store.decode import FrameDecoder, check_request, decode_frames
from mmpt.store.decode_worker import frames_at_once
from mmpt.store.framewire import MOST_TEXT, BrokenWireError, Kind, receive, send

__all__ = ["DecodeLimits", "ProcessDecoder"]

START = 300.0
"""Seconds that a process may take to start, on the busiest of machines."""
MISUSE: dict[str, type[MMPTError]] = {kind.__name__: kind for kind in (ConfigError, MissingDependencyError)}


@dataclass(frozen=True, kw_only=True)
class DecodeLimits:
    """What one video may take; ``inf`` lifts a limit. Time that the caller takes is not counted."""

    stall: float = 120.0
    """Seconds of waiting for the next frames (a second of video)."""
    seconds: float = 6 * 3600.0
    """Seconds of decoding in all."""
    frames: float = 12 * 3600 * 30
    """Frames given out: 12 hours at 30 per second."""
    memory: float = 4 * 2**30
    """Bytes that the process may allocate. The limit holds on Linux."""

    def __post_init__(self) -> None:
        wrong = {name: value for name, value in vars(self).items() if not value > 0}
        if wrong:
            raise ConfigError(f"The limits of decoding must be positive; given are {wrong}.")


class ProcessDecoder:
    """Runs a decoder in processes: itself a :class:`mmpt.store.decode.FrameDecoder`.

    As many processes are started as videos are decoded at a time (by threads of the caller); they are
    kept for further videos. They end with the ``with`` block, with :meth:`close`, or with this process,
    however that ends.

    Args:
        decoder: What decodes. It must be picklable and importable: a function of a module, or an
            object of a class of a module.
        limits: What one video may take.
    """

    def __init__(self, decoder: FrameDecoder = decode_frames, limits: DecodeLimits | None = None) -> None:
        self._decoder, self._limits = decoder, limits or DecodeLimits()
        self._idle: list[_Worker] = []
        self._lock = threading.Lock()
        self._process = os.getpid()

    def __reduce__(self) -> tuple[Any, ...]:
        # Another process starts workers of its own.
        return ProcessDecoder, (self._decoder, self._limits)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes that decode nothing."""
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.kill()

    def __call__(self, path: str | os.PathLike[str], fps: int, size: int) -> Iterator[np.ndarray]:
        """Yield the frames of a video.

        Raises:
            DataError: If the video cannot be used, or not within the limits.
            ConfigError: If the decoder cannot be used.
        """
        check_request(fps, size)
        worker = self._take()
        try:
            for number, frame in enumerate(worker.frames(path, fps, size)):
                if number >= self._limits.frames:
                    raise DataError(
                        f"The video {path} has more than {self._limits.frames:g} frames at {fps} per second "
                        "and was given up (limit 'frames')."
                    )
                yield frame
        finally:
            if worker.is_idle:
                with self._lock:
                    self._idle.append(worker)
            else:
                worker.kill()

    def _take(self) -> "_Worker":
        with self._lock:
            if self._process != os.getpid():  # a copy of the process that started the workers
                self._process, self._idle = os.getpid(), []
            worker = self._idle.pop() if self._idle else None
        return worker if worker is not None and worker.is_alive() else _Worker(self._decoder, self._limits)


class _Worker:
    """One process and the socket to it."""

    def __init__(self, decoder: FrameDecoder, limits: DecodeLimits) -> None:
        self._limits = limits
        memory = None if limits.memory == float("inf") else int(limits.memory)
        try:
            setup = pickle.dumps((decoder, memory))
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise self._unusable(decoder, str(error)) from error
        self._wire, theirs = socket.socketpair()
        command = [sys.executable, "-P", "-m", "mmpt.store.decode_worker", str(theirs.fileno())]
        with theirs:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], env=_environment()
            )
        self.is_idle = False
        try:
            self._wire.settimeout(START)
            send(self._wire, Kind.SETUP, setup)
            receive(self._wire)
        except (BrokenWireError, OSError) as error:
            raise self._unusable(decoder, self._end()) from error

    def is_alive(self) -> bool:
        """Return whether the process still runs."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()
        self._process.wait()
        self._wire.close()

    def frames(self, path: str | os.PathLike[str], fps: int, size: int) -> Iterator[np.ndarray]:
        """Yield the frames of a video."""
        shape = (size, size, 3)
        most = max(MOST_TEXT, frames_at_once(fps, size) * size * size * 3)
        spent, self.is_idle = 0.0, False
        try:
            send(self._wire, Kind.JOB, pickle.dumps((os.fspath(path), fps, size)))
            while True:
                begin = time.monotonic()
                kind, load = self._receive(path, most, spent)
                spent += time.monotonic() - begin
                if kind is not Kind.FRAMES:
                    break
                if load.size % math.prod(shape):
                    raise BrokenWireError(f"{load.size} bytes of frames")
                yield from load.reshape(-1, *shape)
        except (BrokenWireError, ConnectionError) as error:
            raise DataError(
                f"The video {path} has ended the process that decoded it ({self._end()})."
            ) from error
        self.is_idle = kind is not Kind.MEMORY
        self._finish(path, kind, load.tobytes().decode("utf-8", "replace"))

    def _receive(self, path: str | os.PathLike[str], most: int, spent: float) -> tuple[Kind, np.ndarray]:
        limits = self._limits
        patience = min(limits.stall, max(limits.seconds - spent, 0.001), threading.TIMEOUT_MAX)
        self._wire.settimeout(patience)
        try:
            return receive(self._wire, most)
        except TimeoutError as error:
            name = "stall" if patience == limits.stall else "seconds"
            raise DataError(
                f"The video {path} was given up: no further frame in {patience:.3g} s, after {spent:.3g} s "
                f"of decoding (limit '{name}', {getattr(limits, name):g} s)."
            ) from error

    def _finish(self, path: str | os.PathLike[str], kind: Kind, text: str) -> None:
        if kind is Kind.UNUSABLE:
            raise DataError(text)
        if kind is Kind.MEMORY:
            raise DataError(
                f"The video {path} needs more than {self._limits.memory / 2**20:.0f} MiB to be decoded "
                "and was given up (limit 'memory')."
            )
        if kind is Kind.MISUSED:
            name, _, reason = text.partition("\n")
            raise MISUSE.get(name, ConfigError)(reason)

    @staticmethod
    def _unusable(decoder: FrameDecoder, reason: str) -> ConfigError:
        return ConfigError(
            f"The decoder {decoder!r} cannot be run in a process of its own ({reason}). It must be a "
            "function, or an object of a class, of a module that the process can import."
        )

    def _end(self) -> str:
        """Say how the process ended; end it if it has not."""
        self.kill()
        code = self._process.returncode
        if code >= 0:
            return f"exit code {code}"
        name = signal.Signals(-code).name
        return f"signal {name}" + (", perhaps because memory ran out" if name == "SIGKILL" else "")


def _environment() -> dict[str, str]:
    """Return what the process shall see: our modules, and one thread, for there are many processes."""
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    paths = [os.path.abspath(entry or os.curdir) for entry in sys.path]
    return {**os.environ, **single, "PYTHONPATH": os.pathsep.join(paths)}
