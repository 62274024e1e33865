"""What runs in a decoding process: ``python -m mmpt.store.decode_worker <socket>``.

Started by :class:`mmpt.store.decode_process.ProcessDecoder`; it imports no more than it needs, above all
no torch, so that it starts in a quarter of a second. It ends as soon as the other side is gone, even in
the middle of a video.
"""

import logging
import os
import pickle
import queue
import resource
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmpt.errors import ConfigError, DataError, MissingDependencyError
from mmpt.store.decode import FrameDecoder
from mmpt.store.framewire import MOST_TEXT, BrokenWireError, Kind, receive, send

__all__ = ["frames_at_once", "main"]

CHUNK = 8 << 20
"""Bytes of frames sent at a time, at most; at least one frame."""

Job = tuple[str, int, int]


def frames_at_once(fps: int, size: int) -> int:
    """Return how many frames make a message: a second of video, less if the frames are large."""
    return max(1, min(fps, CHUNK // (size * size * 3)))


def main(arguments: Sequence[str]) -> None:
    """Decode what is asked for until the other side closes."""
    # A Ctrl-C is for the process that started this one, which then closes the socket.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    logging.basicConfig(format="%(message)s")
    wire = socket.socket(fileno=int(arguments[0]))
    try:
        _, setup = receive(wire)
        decoder, memory = pickle.loads(setup.tobytes())  # from the process that started this one
        _limit_memory(memory)
        jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        threading.Thread(target=_listen, args=(wire, jobs), daemon=True).start()
        send(wire, Kind.READY)
        while True:
            _serve(wire, decoder, *jobs.get())
    except (BrokenWireError, ConnectionError):
        return


def _listen(wire: socket.socket, jobs: "queue.SimpleQueue[Job]") -> None:
    """Take jobs; end the process when there will be no more, for nobody waits for its frames then."""
    try:
        while True:
            jobs.put(pickle.loads(receive(wire)[1].tobytes()))
    except BrokenWireError:
        os._exit(0)


def _limit_memory(limit: int | None) -> None:
    """Make allocations above the limit fail; no file with a picture of the memory after a crash."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if limit is not None:
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        allowed = limit if most == resource.RLIM_INFINITY else min(limit, most)
        resource.setrlimit(resource.RLIMIT_DATA, (allowed, most))


def _serve(wire: socket.socket, decoder: FrameDecoder, path: str, fps: int, size: int) -> None:
    try:
        _send_frames(wire, decoder, path, fps, size)
    except DataError as error:
        _send_text(wire, Kind.UNUSABLE, f"{error}{_perhaps_memory()}")
    except MemoryError:
        send(wire, Kind.MEMORY)
    except (ConfigError, MissingDependencyError) as error:
        _send_text(wire, Kind.MISUSED, f"{type(error).__name__}\n{error}")
    except (BrokenWireError, ConnectionError):
        raise
    # A decoder that stumbles over one video must not end the run.
    except Exception as error:
        reason = f"The video {path} makes the decoder fail ({type(error).__name__}: {error})."
        _send_text(wire, Kind.UNUSABLE, reason)
    else:
        send(wire, Kind.DONE)


def _perhaps_memory() -> str:
    """Return a hint if much of the memory was in use: not every decoder says that it got none."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_DATA)
    if allowed == resource.RLIM_INFINITY:
        return ""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    peak, now, data = (
        1024 * int(line.split()[1])
        for name in ("VmPeak", "VmSize", "VmData")
        for line in lines
        if line.startswith(name)
    )
    most = peak - now + data
    return f" Perhaps memory was short (limit 'memory', {allowed >> 20} MiB)." if 2 * most > allowed else ""


def _send_frames(wire: socket.socket, decoder: FrameDecoder, path: str, fps: int, size: int) -> None:
    block = np.empty((frames_at_once(fps, size), size, size, 3), np.uint8)
    filled = 0
    for frame in decoder(path, fps, size):
        block[filled] = frame
        filled += 1
        if filled == len(block):
            send(wire, Kind.FRAMES, block.data.cast("B"))
            filled = 0
    if filled:
        send(wire, Kind.FRAMES, block[:filled].data.cast("B"))


def _send_text(wire: socket.socket, kind: Kind, text: str) -> None:
    send(wire, kind, text.encode("utf-8", "backslashreplace")[:MOST_TEXT])


if __name__ == "__main__":
    main(sys.argv[1:])
