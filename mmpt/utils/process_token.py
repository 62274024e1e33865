"""A name for a process by which others can tell whether it still runs.

A process id alone is given to another process one day, and means nothing on another machine. A token
adds the machine and the time at which the process was started, as the system counts it (Linux).
"""

import hashlib
import os
import uuid
from functools import cache
from pathlib import Path

__all__ = ["is_running", "process_token"]


def process_token() -> str:
    """Return a new name for something that this process does: ``<machine>-<pid>-<start>-<random>``."""
    return f"{_machine()}-{os.getpid()}-{_started(os.getpid()) or 0}-{uuid.uuid4().hex[:8]}"


def is_running(token: str) -> bool | None:
    """Return whether the process that made a token runs; None if it is or was on another machine."""
    machine, _, rest = token.partition("-")
    numbers = rest.split("-")
    if machine != _machine() or len(numbers) != 3 or not all(map(str.isdigit, numbers[:2])):
        return None
    pid, started = map(int, numbers[:2])
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's process: it exists
    now = _started(pid)
    return now is None or now == started


@cache
def _machine() -> str:
    """Return what tells this machine, this start of it and this container from others."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return hashlib.sha256(f"{boot} {os.readlink('/proc/self/ns/pid')}".encode()).hexdigest()[:12]
    except OSError:  # not Linux: no process of another token is ever taken for one of this machine
        return uuid.uuid4().hex[:12]


def _started(pid: int) -> int | None:
    """Return when a process was started, in ticks; 0 if it has ended; None if that cannot be told."""
    try:
        # "pid (name) state ...": the name may hold spaces and brackets.
        state, *fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except (OSError, ValueError):
        return None
    return 0 if state in "ZX" else int(fields[18])
