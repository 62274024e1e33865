"""Clips computed side by side, one per core: nobody waits for the slowest thread of every layer."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import torch

__all__ = ["map_clips"]


def map_clips(function: Callable[[torch.Tensor], torch.Tensor], clips: torch.Tensor) -> torch.Tensor:
    """Return ``function(clip)`` of every clip, stacked, computed by ``torch.get_num_threads()`` threads.

    Inside ``function`` PyTorch has one thread, so a result does not depend on their number. On cores
    that also decode videos this is far faster than layers that are split: a split layer ends with its
    slowest thread.

    Args:
        function: From a clip (...) to a tensor; called in inference mode.
        clips: (B, ...) on the CPU.
    """

    def call(clip: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            return function(clip)

    threads = torch.get_num_threads()
    if threads == 1:
        return torch.stack([call(clip) for clip in clips])
    return torch.stack(list(_single_threads(threads, os.getpid()).map(call, clips)))


@lru_cache(maxsize=1)
def _single_threads(number: int, process: int) -> ThreadPoolExecutor:
    """Return that many threads, in each of which PyTorch computes with one; a forked process gets its own."""
    pool = ThreadPoolExecutor(number, thread_name_prefix="clip")
    all_started = threading.Barrier(number)

    def start() -> None:
        torch.set_num_threads(1)
        torch.get_num_threads()  # a thread takes over the last number that any thread set when it first asks
        all_started.wait()

    for started in [pool.submit(start) for _ in range(number)]:
        started.result()
    torch.set_num_threads(number)
    return pool
