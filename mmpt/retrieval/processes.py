"""The processes that train together; a run without ``torch.distributed`` is one process."""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import torch.distributed as dist

__all__ = ["Processes"]

Value = TypeVar("Value")

# The others wait while one embeds the last videos or builds the index: hours for 1.2 million videos.
_PATIENCE = timedelta(days=1)


class Processes:
    """All processes of the run; every one makes this object and calls the same methods in the same order.

    Attributes:
        rank: Number of this process.
        count: Number of processes.
    """

    def __init__(self) -> None:
        many = dist.is_available() and dist.is_initialized()
        self.rank = dist.get_rank() if many else 0
        self.count = dist.get_world_size() if many else 1
        # A group of their own, on the CPU: the group of training gives up after minutes.
        self._group = dist.new_group(backend="gloo", timeout=_PATIENCE) if self.count > 1 else None

    def wait(self) -> None:
        """Return when all processes have come here."""
        if self._group is not None:
            dist.barrier(self._group)

    def from_first(self, make: Callable[[], Value]) -> Value:
        """Return in every process what ``make`` returns in the first one; it runs in no other."""
        if self._group is None:
            return make()
        value = [make() if self.rank == 0 else None]
        dist.broadcast_object_list(value, src=0, group=self._group)
        return value[0]  # type: ignore[return-value]
