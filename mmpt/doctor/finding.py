"""One thing that a task needs, and how it stands with it."""

from dataclasses import dataclass
from typing import Literal

from mmpt.doctor.sources import Source

__all__ = ["Finding", "Status"]

Status = Literal["ok", "note", "waits", "missing", "broken"]
"""``note``: to be known, not to be mended; ``waits``: an earlier task of the project writes it."""


@dataclass(frozen=True)
class Finding:
    """One file or folder of a task."""

    status: Status
    what: str
    """What it is, such as ``list of the test split``."""
    path: str
    """Where it is, or should be."""
    message: str = ""
    """What there is to say: sizes, faults."""
    names: tuple[str, ...] = ()
    """All ids that the message is about."""
    source: Source | None = None
    """Where it comes from."""
    todo: str = ""
    """The next command, or what to do if there is no command for it."""

    @property
    def is_fault(self) -> bool:
        """Whether the task cannot run, or not on all of its data."""
        return self.status in ("missing", "broken")
