"""Which frames are shown: from frames at any times to a regular grid, and from a picture to its square.

The grid (:func:`resample`) has its points at whole multiples of 1 / fps seconds of the file's own time. A
frame begins at the point nearest to its start (halves away from zero) and is shown until the next one
begins; of several that begin at one point the last is shown. The grid runs from the beginning of the first
frame to the end of the last, rounded alike, and has at least one point. So does FFmpeg's ``fps`` filter.

The square (:func:`square_window`): the short side of the picture, as it is shown, is scaled to a size, and
the middle is cut out.
"""

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any, NamedTuple

__all__ = ["SquareWindow", "TimedFrame", "resample", "square_window"]

OBLONGEST = 32
"""Long side by short side above which a picture is refused: scaling it would take all the memory."""
WIDEST_PIXEL = 8
"""Width by height of a pixel above which, and 1 by it below which, the header is taken for damaged."""


class TimedFrame(NamedTuple):
    """A decoded frame and when it is shown, in exact seconds."""

    start: Fraction
    duration: Fraction
    frame: Any


class SquareWindow(NamedTuple):
    """What a picture is scaled to, and where in it the square begins."""

    width: int
    height: int
    left: int
    top: int


def resample(frames: Iterable[TimedFrame], fps: int) -> Iterator[tuple[Any, int]]:
    """Put frames on the grid; yield (frame, how often it is repeated).

    At the file's own rate that is each frame once, at a third of it every third. Times that jump back
    show the newer frame from where the grid is.
    """
    first = end = None
    shown: Any = None
    point = 0
    for start, duration, frame in frames:
        first = _nearest(start * fps) if first is None else first
        position = _nearest(start * fps) - first
        if position > point:
            yield shown, position - point
            point = position
        shown, end = frame, start + duration
    if first is not None and end is not None:
        last = _nearest(end * fps) - first
        if last > point or point == 0:
            yield shown, max(last - point, 1)


def _nearest(number: Fraction) -> int:
    """Round to the nearest whole number, halves away from zero."""
    return math.floor(number + Fraction(1, 2)) if number >= 0 else -_nearest(-number)


def square_window(width: int, height: int, pixel: Fraction | None, size: int) -> SquareWindow | None:
    """Return how a picture becomes a square of ``size``; None if it is too oblong for that.

    Args:
        width: In stored pixels.
        height: In stored pixels.
        pixel: Width by height of a pixel (sample aspect ratio); None or nonsense: square.
        size: Height and width of the square.
    """
    sane = pixel is not None and Fraction(1, WIDEST_PIXEL) <= pixel <= WIDEST_PIXEL
    shown = width * pixel if pixel is not None and sane else Fraction(width)
    short, long = sorted((shown, Fraction(height)))
    if long > OBLONGEST * short:
        return None
    wide, high = (max(size, round(side * size / short)) for side in (shown, Fraction(height)))
    return SquareWindow(wide, high, (wide - size) // 2, (high - size) // 2)
