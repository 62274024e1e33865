"""Every video through the model once: the vectors of an epoch."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from mmpt.datasets import MMDataset
from mmpt.retrieval.processes import Processes
from mmpt.retrieval.vectorpool import VideoVectorPool
from mmpt.utils.progress import progress

__all__ = ["embed_videos", "part_size"]

_VIDEOS_IN_A_FILE = 4096


def part_size(videos: int, size: int, processes: int) -> int:
    """Return how many videos one file of vectors holds: every process gets some, and no file is large.

    It is a multiple of ``size``, so that the same videos are computed together, and give the same bits,
    however many processes there are.

    Args:
        videos: Number of videos.
        size: Videos that the model sees at once.
        processes: Number of processes.
    """
    wanted = min(_up(videos, processes), _VIDEOS_IN_A_FILE)
    return _up(wanted, size) * size


def embed_videos(
    pool: VideoVectorPool,
    videos: MMDataset,
    encode: Callable[[Mapping[str, Any]], torch.Tensor],
    *,
    size: int,
    processes: Processes,
    num_workers: int,
) -> None:
    """Write the parts of ``pool`` that are this process's and not there yet, then wait for the others.

    Args:
        pool: The files.
        videos: Item i is the clips of video i.
        encode: From a batch of videos to their vectors (videos, D).
        size: Videos that the model sees at once.
        processes: Who shares the work.
        num_workers: Processes that load data.
    """
    if processes.rank == 0:
        pool.remove_others()
    todo = [part for part in pool.parts[processes.rank :: processes.count] if not pool.has(part)]
    chunks = [list(part[first : first + size]) for part in todo for first in range(0, len(part), size)]
    loader = DataLoader(
        videos,
        batch_sampler=chunks,
        collate_fn=videos.collater,
        num_workers=num_workers,
        # The loader draws a seed; training's random numbers stay as they were.
        generator=torch.Generator(),
    )
    what = "embedding videos" + (f", 1 of {processes.count} processes" if processes.count > 1 else "")
    vectors = _encoded(progress(loader, what, unit="batch") if processes.rank == 0 else loader, encode)
    for part in todo:
        pool.write(part, np.concatenate([*islice(vectors, _up(len(part), size))]))
    processes.wait()


def _encoded(
    batches: Iterable[Mapping[str, Any]], encode: Callable[[Mapping[str, Any]], torch.Tensor]
) -> Iterator[np.ndarray]:
    for batch in batches:
        yield encode(batch).float().cpu().numpy()


def _up(number: int, divisor: int) -> int:
    return -(-number // divisor)
