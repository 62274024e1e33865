"""Work in several processes: results come in the order of the items, and few of them wait in memory."""

import gc
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from typing import Self, TypeVar

from mmpt.errors import MMPTError

__all__ = ["Workers", "core_count"]

Item = TypeVar("Item")
Result = TypeVar("Result")

WAITING = 4
"""Items per process that are worked on or whose results wait for their turn."""


def core_count() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Workers:
    """Processes that work for this one; use it in a ``with`` block, which ends them.

    They also end when this process is killed in any way.

    Args:
        count: Number of processes; with 1, this process does the work itself.
    """

    def __init__(self, count: int) -> None:
        self.count = max(1, count)
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        if self.count > 1:
            # Forked, they have every module at once; only Linux's libraries bear it.
            context = get_context("fork" if sys.platform == "linux" else "spawn")
            self._pool = ProcessPoolExecutor(self.count, context, initializer=_begin)
            # Started now, they inherit no file or thread that the caller makes from here on.
            self._pool.submit(int).result()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield ``function(item)`` in the order of the items; an exception of it comes at its turn.

        Args:
            function: Defined at the top of a module, or a ``partial`` of such a one; it is sent to a process.
            items: Taken only as far as results are taken, so that memory stays bounded.

        Raises:
            MMPTError: If a worker was killed.
        """
        if self._pool is None:
            yield from map(function, items)
            return
        waiting: deque[Future[Result]] = deque()
        try:
            for item in items:
                waiting.append(self._pool.submit(function, item))
                if len(waiting) >= WAITING * self.count:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise MMPTError(
                "A worker process was killed, most likely because memory ran out. Run the command again with "
                "fewer workers; it continues where it stopped."
            ) from error
        finally:
            for future in waiting:
                future.cancel()


def _begin() -> None:
    # Ctrl-C reaches every process of a terminal; the first one decides and ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # As many processes as cores are at work: threads inside them would only get in each other's way.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    # What is there already stays: collecting garbage need not look at it, or copy its memory.
    gc.freeze()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
