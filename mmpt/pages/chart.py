"""Geometry of charts: from numbers to positions in a drawing.

Nothing here knows HTML; ``line_chart`` in ``parts.html.j2`` draws what :func:`layout` returns.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

__all__ = ["COLOURS", "LARGE", "SMALL", "Chart", "Line", "Series", "Tick", "layout", "nice_ticks", "thinned"]

LARGE, SMALL = (520.0, 300.0), (340.0, 200.0)
"""Width and height of drawings: half as wide as the page, and a third."""
LEFT, RIGHT, TOP, BOTTOM = 60.0, 14.0, 14.0, 46.0
COLOURS = 8
"""Number of colours of the style, ``c0`` to ``c7``."""
MOST_POINTS = 400
"""Points drawn of a curve: more than there are pixels tell nothing."""

_TINY = 1e-300  # below it the powers of ten of a step run out

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Series:
    """Numbers to draw as a curve."""

    name: str
    points: Points
    """(x, y); where y is not finite the curve has a gap."""
    colour: str = "c0"
    """Class in the style sheet: ``c0`` to ``c7``, or ``soft``."""
    dots: bool = False
    """Whether every point is marked."""


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: its position in the drawing and its text."""

    at: float
    text: str


@dataclass(frozen=True)
class Line:
    """One curve in the drawing."""

    name: str
    colour: str
    points: list[tuple[float, float, float, float]]
    """Position in the drawing, and the numbers: (x, y, number on the axis, number)."""
    path: str
    """The ``d`` of an SVG path."""
    last: str
    """The last number."""
    marked: bool

    @property
    def dots(self) -> list[tuple[float, float]]:
        """Return where dots are: at every point if they are wanted, and at one that stands alone."""
        return [(x, y) for x, y, *_ in self.points] if self.marked or len(self.points) == 1 else []


@dataclass(frozen=True)
class Chart:
    """Everything that is drawn, in a drawing of ``width`` x ``height``; no lines if nothing is finite."""

    title: str
    x_label: str
    width: float
    height: float
    x_ticks: list[Tick] = field(default_factory=list)
    y_ticks: list[Tick] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    reference: Tick | None = None

    left, top = LEFT, TOP

    @property
    def right(self) -> float:
        """Return where the plot ends."""
        return self.width - RIGHT

    @property
    def bottom(self) -> float:
        """Return where the plot ends."""
        return self.height - BOTTOM

    @property
    def values(self) -> list[dict[str, Any]]:
        """Return what ``chart.js`` shows of each line."""
        return [
            {
                "name": line.name,
                "colour": line.colour,
                "points": [[round(x, 1), round(y, 1), *numbers] for x, y, *numbers in line.points],
            }
            for line in self.lines
        ]


def nice_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Return round numbers (steps of 1, 2 or 5 times a power of ten) that enclose [low, high].

    About ``about`` intervals; the first is at most ``low`` and the last at least ``high``.
    """
    span = high - low if high - low > _TINY else max(abs(high), 1.0)
    magnitude = 10.0 ** math.floor(math.log10(span / about))
    step = next(m * magnitude for m in (1, 2, 5, 10) if span / (m * magnitude) <= about)
    first, last = math.floor(low / step), math.ceil(high / step)
    last = max(last, first + 1)
    return [float(f"{i * step:.12g}") for i in range(first, last + 1)]


def thinned(points: Points, most: int = MOST_POINTS) -> list[tuple[float, float]]:
    """Return at most ``most`` (4 or more) points that look like all: the least and greatest of stretches.

    The first and the last of all are always among them.
    """
    if len(points) <= most:
        return list(points)
    stretches = (most - 2) // 2
    kept = {0, len(points) - 1}
    for start, end in pairwise(len(points) * i // stretches for i in range(stretches + 1)):
        stretch = range(start, end)
        kept |= {min(stretch, key=lambda i: points[i][1]), max(stretch, key=lambda i: points[i][1])}
    return [points[i] for i in sorted(kept)]


def layout(
    title: str,
    series: Sequence[Series],
    *,
    reference: tuple[str, float] | None = None,
    x_label: str = "update",
    size: tuple[float, float] = LARGE,
) -> Chart:
    """Return the chart of a few curves, with axes from round number to round number.

    Args:
        title: Heading.
        series: The curves; those without a finite number are left out.
        reference: Name and height of a dashed line.
        x_label: What the horizontal axis counts.
        size: Width and height.
    """
    curves = [(each, _runs(each.points)) for each in series]
    finite = [point for _, runs in curves for run in runs for point in run]
    if not finite:
        return Chart(title, x_label, *size)
    ys = [y for _, y in finite] + ([reference[1]] if reference else [])
    xs = [x for each in series for x, _ in each.points]
    x_high = max(xs)
    x_marks = nice_ticks(min(0.0, *xs), x_high, round(size[0] / 100))
    y_marks = nice_ticks(min(ys), max(ys), 5 if size[1] >= LARGE[1] else 3)

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - x_marks[0]) / ((x_high - x_marks[0]) or 1.0)
        up = (y - y_marks[0]) / (y_marks[-1] - y_marks[0])
        return LEFT + across * (size[0] - LEFT - RIGHT), size[1] - BOTTOM - up * (size[1] - TOP - BOTTOM)

    def line(each: Series, runs: list[list[tuple[float, float]]]) -> Line:
        placed = [
            [(*place(x, y), x, y) for x, y in thinned(run, MOST_POINTS // len(runs) + 4)] for run in runs
        ]
        path = "".join("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y, *_ in run) + "h0" for run in placed)
        points = [point for run in placed for point in run]
        return Line(each.name, each.colour, points, path, f"{runs[-1][-1][1]:.4g}", each.dots)

    return Chart(
        title,
        x_label,
        *size,
        x_ticks=[Tick(place(x, 0.0)[0], f"{x:,.6g}") for x in x_marks if x <= x_high],
        y_ticks=[Tick(place(0.0, y)[1], f"{y:.4g}") for y in y_marks],
        lines=[line(each, runs) for each, runs in curves if runs],
        reference=Tick(place(0.0, reference[1])[1], f"{reference[0]} {reference[1]:.4g}")
        if reference
        else None,
    )


def _runs(points: Points) -> list[list[tuple[float, float]]]:
    """Return the stretches of finite points, by rising x."""
    runs: list[list[tuple[float, float]]] = [[]]
    for x, y in sorted(points, key=lambda point: point[0]):
        if math.isfinite(y):
            runs[-1].append((x, y))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]
