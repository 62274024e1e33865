"""Neighbouring videos for retrieval-augmented training: index build and queries, with and without FAISS.

20 000 vectors of width 768 around 500 topics; one query in 32, as training has one batch for 32 videos,
and 64 neighbours each. "numpy loop" compares and sorts query by query. Recall is the share of the true
64 neighbours that are found. Run: python -m benchmarks.bench_retrieval
"""

import statistics
import time

import numpy as np
from numpy.typing import NDArray

from mmpt.retrieval import VectorRetriever

VIDEOS, WIDTH, TOPICS, LATENT, NEIGHBOURS = 20_000, 768, 500, 32, 64
QUERIES, LOOP_QUERIES, ROUNDS = VIDEOS // 32, 20, 3


def topic_vectors(seed: int = 0) -> NDArray[np.float32]:
    """Return vectors as trained models make them: few directions matter, and topics overlap."""
    rng = np.random.default_rng(seed)
    topics = rng.normal(size=(TOPICS, LATENT))
    latent = topics[rng.integers(TOPICS, size=VIDEOS)] + rng.normal(size=(VIDEOS, LATENT))
    noise = rng.normal(size=(VIDEOS, WIDTH)) / 2
    return (latent @ rng.normal(size=(LATENT, WIDTH)) + noise).astype(np.float32)


def loop_search(vectors: NDArray[np.float32], queries: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the neighbours of each query, one after the other."""
    return np.stack([np.argsort(((vectors - query) ** 2).sum(axis=1))[:NEIGHBOURS] for query in queries])


def recall(found: NDArray[np.int64], exact: NDArray[np.int64]) -> float:
    """Return the mean share of the rows of ``exact`` that ``found`` has."""
    return float(np.mean([np.isin(one, other).mean() for one, other in zip(exact, found, strict=True)]))


def run() -> list[tuple[str, float, str, float | str | None]]:
    """Return (name, value, unit, times the numpy loop, or what else there is to say)."""
    vectors = topic_vectors()
    queries = vectors[:QUERIES]
    begin = time.perf_counter()
    loop = loop_search(vectors, queries[:LOOP_QUERIES])
    slow = LOOP_QUERIES / (time.perf_counter() - begin)
    rows: list[tuple[str, float, str, float | str | None]] = [("queries, numpy loop", slow, "queries/s", 1.0)]
    exact = VectorRetriever(vectors, "exact").search(queries, NEIGHBOURS)
    assert recall(loop, exact[:LOOP_QUERIES]) > 0.999  # equals may change places at the end
    for kind in ("exact", "flatl2", "pq"):
        begin = time.perf_counter()
        retriever = VectorRetriever(vectors, kind)
        build = time.perf_counter() - begin
        times = []
        for _ in range(ROUNDS):
            begin = time.perf_counter()
            found = retriever.search(queries, NEIGHBOURS)
            times.append(time.perf_counter() - begin)
        speed = QUERIES / statistics.median(times)
        rows.append((f"build, {kind}", build, "s", f"{build + times[0]:.2f} s with all queries"))
        rows.append((f"queries, {kind}", speed, "queries/s", speed / slow))
        rows.append((f"recall, {kind}", 100 * recall(found, exact), "%", None))
    return rows


if __name__ == "__main__":
    for name, value, unit, more in run():
        print(f"{name:30s} {value:12.3f} {unit:10s} {more}")
