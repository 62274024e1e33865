"""How a decoding process and the one that started it talk: over a socket, one kind and one load a message.

The process that decodes may be in the hands of a hostile video, so what comes from it is frames and text,
and never a pickle. A socket costs 0.6 ms of processor time per second of video at 224 x 224, half of what
a pipe does and little beside the 30 to 100 ms of decoding; shared memory would save half of it and could
be left behind by a process that is killed.
"""

import socket
import struct
from enum import IntEnum

import numpy as np

__all__ = ["MOST_TEXT", "BrokenWireError", "Kind", "receive", "send"]

MOST_TEXT = 1 << 16
"""Bytes of a message that is no frames."""
_HEADER = struct.Struct("<BI")


class Kind(IntEnum):
    """What a message is."""

    SETUP = 0
    """To the process: the decoder and the limit of memory (pickle)."""
    READY = 1
    """The process can decode."""
    JOB = 2
    """To the process: path, fps, size (pickle)."""
    FRAMES = 3
    """Frames, one after the other."""
    DONE = 4
    """The video is over."""
    UNUSABLE = 5
    """The video is at fault: why."""
    MEMORY = 6
    """The video needs more memory than it may have."""
    MISUSED = 7
    """The call or the installation is at fault: the name of our error, a line, and why."""


class BrokenWireError(Exception):
    """The other side is gone, or does not keep to the rules."""


def send(wire: socket.socket, kind: Kind, load: bytes | memoryview = b"") -> None:
    """Send a message; waits until the other side takes it."""
    wire.sendall(_HEADER.pack(kind, len(load)))
    wire.sendall(load)


def receive(wire: socket.socket, most: int = MOST_TEXT) -> tuple[Kind, np.ndarray]:
    """Wait for a message; return its kind and its load as bytes (uint8).

    Raises:
        BrokenWireError: If the other side is gone, or the message is longer than ``most`` bytes.
        TimeoutError: If the socket has a timeout and nothing comes.
    """
    number, length = _HEADER.unpack(_exactly(wire, _HEADER.size).data)
    if length > most or number not in Kind.__members__.values():
        raise BrokenWireError(f"kind {number}, {length} bytes")
    return Kind(number), _exactly(wire, length)


def _exactly(wire: socket.socket, length: int) -> np.ndarray:
    load = np.empty(length, np.uint8)
    rest = load.data
    while rest:
        try:
            got = wire.recv_into(rest)
        except ConnectionError as error:
            raise BrokenWireError(str(error)) from error
        if not got:
            raise BrokenWireError("closed")
        rest = rest[got:]
    return load
