"""How much memory is to be had, as far as the system says."""

from collections.abc import Iterator
from pathlib import Path

__all__ = ["available_memory"]

_MEMINFO = Path("/proc/meminfo")
_OWN_GROUP = Path("/proc/self/cgroup")
_GROUPS = Path("/sys/fs/cgroup")


def available_memory() -> int | None:
    """Return the bytes that this process can still fill, file cache included; None if unknown.

    The least of what the machine has available and what the limits of its control groups (containers,
    jobs of a cluster) leave. What a limit counts as file cache can be taken back and is left to us.
    """
    amounts = [*_of_machine(), *_of_groups()]
    return max(0, min(amounts)) if amounts else None


def _of_machine() -> Iterator[int]:
    for line in _lines(_MEMINFO):
        if line.startswith("MemAvailable:"):
            yield int(line.split()[1]) * 1024


def _of_groups() -> Iterator[int]:
    """Yield what every limit above this process leaves (control groups version 2)."""
    own = next((line[3:] for line in _lines(_OWN_GROUP) if line.startswith("0::")), None)
    if own is None:
        return
    group = _GROUPS / own.strip("/")
    for folder in (group, *group.parents):
        if not folder.is_relative_to(_GROUPS):
            return
        limit = "".join(_lines(folder / "memory.max"))
        used = "".join(_lines(folder / "memory.current"))
        if limit.isdigit() and used.isdigit():  # the limit is "max" where there is none
            cache = [int(line.split()[1]) for line in _lines(folder / "memory.stat") if line[:5] == "file "]
            yield int(limit) - int(used) + sum(cache)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux, or not allowed
        return []
