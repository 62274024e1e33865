"""Outlines of the shapes: polygons inside the unit circle, y pointing down."""

import math
from functools import cache

import numpy as np

__all__ = ["outline"]


def _arc(radius: float, start: float, stop: float, points: int) -> list[tuple[float, float]]:
    turns = np.linspace(start, stop, points)
    return [(radius * math.cos(a), radius * math.sin(a)) for a in turns]


def _circle() -> list[tuple[float, float]]:
    return _arc(0.92, 0, 2 * math.pi, 28)[:-1]


def _ring() -> list[tuple[float, float]]:
    # Out along one circle and back along the other; the seam has no width.
    return _arc(0.98, 0, 2 * math.pi, 28) + _arc(0.52, 2 * math.pi, 0, 24)


def _star() -> list[tuple[float, float]]:
    radii = [1.12, 0.46] * 5
    return [
        (r * math.sin(k * math.pi / 5), -r * math.cos(k * math.pi / 5) + 0.05) for k, r in enumerate(radii)
    ]


def _heart() -> list[tuple[float, float]]:
    points = []
    for a in np.linspace(0, 2 * math.pi, 28, endpoint=False):
        x = 16 * math.sin(a) ** 3
        y = 13 * math.cos(a) - 5 * math.cos(2 * a) - 2 * math.cos(3 * a) - math.cos(4 * a)
        points.append((x / 16, -y / 16 - 0.08))
    return points


def _moon() -> list[tuple[float, float]]:
    # A disc minus a disc of the same size pushed to the right.
    edge = math.radians(62)
    outer = _arc(1.0, edge, 2 * math.pi - edge, 24)
    push = 2 * math.cos(edge) * 0.8
    radius = math.hypot(math.cos(edge) - push, math.sin(edge))
    tip = math.atan2(math.sin(edge), math.cos(edge) - push)
    inner = [(x + push, y) for x, y in _arc(radius, -tip, tip - 2 * math.pi, 18)]
    return [(x + 0.12, y) for x, y in outer + inner]


_POLYGONS: dict[str, list[tuple[float, float]]] = {
    "circle": _circle(),
    "square": [(-0.82, -0.82), (0.82, -0.82), (0.82, 0.82), (-0.82, 0.82)],
    "triangle": [(0, -1.0), (0.98, 0.78), (-0.98, 0.78)],
    "star": _star(),
    "heart": _heart(),
    "cross": [
        (-0.32, -1), (0.32, -1), (0.32, -0.32), (1, -0.32), (1, 0.32), (0.32, 0.32),
        (0.32, 1), (-0.32, 1), (-0.32, 0.32), (-1, 0.32), (-1, -0.32), (-0.32, -0.32),
    ],
    "ring": _ring(),
    "moon": _moon(),
    "arrow": [
        (1.05, 0), (0.25, -0.85), (0.25, -0.32), (-1.0, -0.32), (-1.0, 0.32), (0.25, 0.32), (0.25, 0.85),
    ],
    "bar": [(-1.15, -0.34), (1.15, -0.34), (1.15, 0.34), (-1.15, 0.34)],
}  # fmt: skip


@cache
def outline(shape: str) -> np.ndarray:
    """Return the outline of a shape, float64 (points, 2)."""
    return np.array(_POLYGONS[shape], dtype=np.float64)
