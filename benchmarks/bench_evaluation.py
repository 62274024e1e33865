"""Retrieval evaluation of 10 000 texts x 10 000 videos: time and memory, against a full argsort.

Scores of vectors of width 768, then R@1, 5, 10 and the median rank. "Full argsort" sorts every row and
looks for the right video in it. Memory is what ranking needs beside the 400 MB of scores. The variants
run in turns. Run: python -m benchmarks.bench_evaluation
"""

import time
import tracemalloc
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from mmpt.evaluators.metric import RetrievalMetric
from mmpt.evaluators.predictor import score_matrix

PAIRS, WIDTH, ROUNDS = 10_000, 768, 2
NAIVE = "full argsort"


def argsort_metrics(scores: NDArray[np.float32]) -> dict[str, float]:
    """Return the metrics from the order of every row."""
    order = np.argsort(-scores, axis=1)
    ranks = np.argmax(order == np.arange(len(scores))[:, None], axis=1) + 1
    return {**{f"R{k}": float(np.mean(ranks <= k)) for k in (1, 5, 10)}, "MR": float(np.median(ranks))}


def random_pairs() -> tuple[torch.Tensor, torch.Tensor]:
    """Return vectors of texts and of videos; the right video is often, not always, the nearest."""
    draw = torch.Generator().manual_seed(0)
    videos = torch.randn(PAIRS, WIDTH, generator=draw)
    return videos + 8 * torch.randn(PAIRS, WIDTH, generator=draw), videos


def run() -> list[tuple[str, float, str, float | None]]:
    """Return (name, value, unit, times the full argsort)."""
    texts, videos = random_pairs()
    begin = time.perf_counter()
    scores = score_matrix(texts, videos)
    rows: list[tuple[str, float, str, float | None]] = [
        ("texts scored with all videos", PAIRS / (time.perf_counter() - begin), "texts/s", None)
    ]
    ways: dict[str, Callable[[NDArray[np.float32]], dict[str, float]]] = {
        NAIVE: argsort_metrics,
        "RetrievalMetric": RetrievalMetric().compute,
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    memory, metrics = {}, {}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            tracemalloc.start()
            begin = time.perf_counter()
            metrics[name] = way(scores)
            seconds[name].append(time.perf_counter() - begin)
            memory[name] = tracemalloc.get_traced_memory()[1] / 1e6
            tracemalloc.stop()
    assert metrics[NAIVE] == metrics["RetrievalMetric"]  # no two scores of a row are equal
    for name in ways:
        speed = PAIRS / min(seconds[name])
        rows.append((f"texts ranked, {name}", speed, "texts/s", speed * min(seconds[NAIVE]) / PAIRS))
        rows.append((f"texts ranked, {name}: memory", memory[name], "MB", memory[name] / memory[NAIVE]))
    return rows


if __name__ == "__main__":
    for name, value, unit, ratio in run():
        print(f"{name:45s} {value:12.2f} {unit:8s} {ratio}")
