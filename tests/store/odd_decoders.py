"""A decoder whose behaviour the name of the video decides; decoding processes import it from here."""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from mmpt.errors import ConfigError, DataError


def black(size):
    return np.zeros((size, size, 3), np.uint8)


def odd_decoder(path, fps, size):
    """Give three frames, and then do what the first word of the file's name says; "<word>-<more>.mp4"."""
    name = Path(path).name.split("-")[0].split(".")[0]
    for level in (10, 20, 30):
        yield black(size) + np.uint8(level)
    if name == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif name == "leave":
        os._exit(3)
    elif name == "hang":
        time.sleep(1000)
    elif name == "slow":
        while True:
            time.sleep(0.05)
            yield black(size)
    elif name == "endless":
        while True:
            yield black(size)
    elif name == "greedy":
        np.ones(1 << 30, np.uint8)
    elif name == "bug":
        raise ValueError("a bug")
    elif name == "damaged":
        raise DataError(f"The video {path} is damaged.")
    elif name == "short":
        raise DataError("x" * 100_000)
    elif name == "misused":
        raise ConfigError("No such device.")
    elif name == "pid":
        Path(path).write_text(str(os.getpid()))
        time.sleep(1000)
    elif name == "modules":
        Path(path).write_text(" ".join(sys.modules))
    elif name == "liar":
        # What a process does that a hostile video has taken over.
        fd = int(sys.argv[1])
        os.write(fd, b"\x03\xff\xff\xff\xff" + bytes(1000))
        time.sleep(1000)


class Unpicklable:
    """A decoder that a process cannot be given."""

    def __call__(self, path, fps, size):
        yield black(size)

    def __reduce__(self):
        raise TypeError("not me")
