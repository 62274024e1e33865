"""A bounded queue before work that takes time: who comes waits, and who finds it full is told."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

__all__ = ["Gate"]

P = ParamSpec("P")
R = TypeVar("R")


class Gate:
    """Runs calls in threads, a few at a time, in the order in which they come.

    Args:
        workers: Calls that run at a time.
        waiting: Calls that wait at most; one more is refused with status 503 and ``Retry-After``.
    """

    def __init__(self, workers: int, waiting: int) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="mmpt-web")
        self._turn = asyncio.Semaphore(workers)
        self._room = workers + waiting
        self._inside = 0

    async def run(self, request: Request, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Return what ``call`` returns; it is not called any more if the client leaves before its turn.

        Raises:
            HTTPException: If too many wait already.
            ClientDisconnect: If the client has left.
        """
        if self._inside >= self._room:
            raise HTTPException(
                503,
                f"{self._room} requests are waiting already. Try again in a few seconds.",
                {"Retry-After": "3"},
            )
        self._inside += 1
        try:
            async with self._turn:
                if await request.is_disconnected():
                    raise ClientDisconnect
                return await asyncio.wrap_future(self._pool.submit(call, *args, **kwargs))
        finally:
            self._inside -= 1

    def close(self) -> None:
        """Start nothing that has not begun."""
        self._pool.shutdown(wait=False, cancel_futures=True)
