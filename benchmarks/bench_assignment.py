"""Videos per second whose steps are assigned to seconds: many at once against a plain Python loop.

Sizes are those of CrossTask: 3 to 11 steps, videos of 1 to 10 minutes. Costs are random; both ways give
the same seconds. Processor time is counted and the best round taken.
Run: python -m benchmarks.bench_assignment
"""

import time
from collections.abc import Callable, Sequence

import numpy as np

from mmpt.evaluators.assignment import assign_steps

VIDEOS, ROUNDS = 500, 3


def random_costs(videos: int = VIDEOS) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=(rng.integers(60, 600), rng.integers(3, 12))) for _ in range(videos)]


def plain_assignment(cost: np.ndarray) -> list[int]:
    """Return the seconds of one video by the recurrence, cell by cell."""
    seconds, steps = cost.shape
    rows = cost.tolist()
    best = [0.0] * (seconds + 1)  # best[t]: least cost of the steps so far in the first t seconds
    taken = []
    for step in range(steps):
        here, takes = [float("inf")] * (seconds + 1), [False] * (seconds + 1)
        for second in range(seconds):
            here[second + 1] = here[second]
            candidate = best[second] + rows[second][step]
            if candidate < here[second]:
                here[second + 1], takes[second + 1] = candidate, True
        best = here
        taken.append(takes)
    chosen, second = [], seconds
    for takes in reversed(taken):
        while not takes[second]:
            second -= 1
        second -= 1
        chosen.append(second)
    return chosen[::-1]


def seconds_of(work: Callable[[], Sequence[object]]) -> float:
    times = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return min(times)


def run() -> list[tuple[str, float, str, float]]:
    """Return (name, value, unit, times the plain loop)."""
    costs = random_costs()
    ways: dict[str, Callable[[], Sequence[Sequence[int]]]] = {
        "plain Python loop": lambda: [plain_assignment(cost) for cost in costs],
        "assign_steps": lambda: [chosen.tolist() for chosen in assign_steps(costs)],
    }
    results = [way() for way in ways.values()]
    if not all(result == results[0] for result in results):
        raise AssertionError("The ways to assign steps disagree.")
    speed = {name: len(costs) / seconds_of(way) for name, way in ways.items()}
    slow = speed["plain Python loop"]
    return [
        (f"CrossTask assignment: {name}", value, "videos/s", value / slow) for name, value in speed.items()
    ]


if __name__ == "__main__":
    for name, value, unit, ratio in run():
        print(f"{name:60s} {value:12,.0f} {unit} {ratio:7.1f}x")
