"""Geometry of the loss chart: from (update, loss) points to positions in a drawing.

Nothing here knows HTML; the page template draws what :func:`layout` returns.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mmpt.errors import DataError

__all__ = ["Chart", "Line", "LossCurve", "Tick", "layout", "nice_ticks"]

WIDTH, HEIGHT = 520.0, 320.0
LEFT, RIGHT, TOP, BOTTOM = 60.0, 14.0, 14.0, 48.0

_TINY = 1e-300  # below it the powers of ten of a step run out

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class LossCurve:
    """What a training run logged."""

    train: Points
    """(update, loss) of training."""
    valid: Points = ()
    """(update, loss) on the validation split."""
    chance: float | None = None
    """Loss of guessing, drawn as a line; for MMContraLoss with B pairs a batch it is 2 ln B."""
    x_label: str = "update"
    """What the horizontal axis counts."""
    y_label: str = "contrastive loss"
    """What the vertical axis shows."""


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: its position in the drawing and its text."""

    at: float
    text: str


@dataclass(frozen=True)
class Line:
    """One curve: name, points in the drawing, and the last value as text."""

    name: str
    points: list[tuple[float, float]]
    last: str

    @property
    def path(self) -> str:
        """Return the ``points`` attribute of an SVG polyline."""
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in self.points)


@dataclass(frozen=True)
class Chart:
    """Everything that the template draws, in a drawing of ``width`` x ``height``."""

    x_ticks: list[Tick]
    y_ticks: list[Tick]
    lines: list[Line]
    chance: Tick | None
    x_label: str
    y_label: str
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    bottom: float = HEIGHT - BOTTOM


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


def layout(curve: LossCurve) -> Chart:
    """Return the chart of a loss curve, with axes from round number to round number.

    Raises:
        DataError: If there is no training point, or a point is not finite.
    """
    points = [*curve.train, *curve.valid]
    if not curve.train or not all(math.isfinite(v) for point in points for v in point):
        raise DataError(
            f"The loss curve has {len(curve.train)} training points; needed is at least one, all finite. "
            "Look at the training log for NaN or an empty run."
        )
    xs = [x for x, _ in points]
    ys = [y for _, y in points] + ([curve.chance] if curve.chance is not None else [])
    x_marks = nice_ticks(min(0.0, *xs), max(xs))
    y_marks = nice_ticks(min(ys), max(ys))
    x_high = max(xs)

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - x_marks[0]) / ((x_high - x_marks[0]) or 1.0)
        up = (y - y_marks[0]) / (y_marks[-1] - y_marks[0])
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    named = [("train", curve.train), ("validation", curve.valid)]
    return Chart(
        x_ticks=[Tick(place(x, 0.0)[0], f"{x:,.6g}") for x in x_marks if x <= x_high],
        y_ticks=[Tick(place(0.0, y)[1], f"{y:.4g}") for y in y_marks],
        lines=[
            Line(name, [place(x, y) for x, y in sorted(data)], f"{sorted(data)[-1][1]:.2f}")
            for name, data in named
            if data
        ],
        chance=None
        if curve.chance is None
        else Tick(place(0.0, curve.chance)[1], f"guessing {curve.chance:.2f}"),
        x_label=curve.x_label,
        y_label=curve.y_label,
    )
