"""What can be on the table and what can happen to it, and which combinations are held out."""

import hashlib
from functools import cache

__all__ = ["ACTIONS", "COLOURS", "PLACES", "SHAPES", "SIZES", "is_held_out", "place_of", "size_of"]

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (214, 32, 36),
    "orange": (248, 132, 16),
    "yellow": (246, 220, 40),
    "green": (36, 150, 52),
    "cyan": (40, 205, 220),
    "blue": (36, 64, 214),
    "purple": (128, 40, 168),
    "pink": (248, 138, 190),
    "brown": (112, 64, 28),
    "white": (248, 248, 248),
}
"""Name -> RGB in 0..255."""

SHAPES: tuple[str, ...] = (
    "circle", "square", "triangle", "star", "heart", "cross", "ring", "moon", "arrow", "bar",
)  # fmt: skip

ACTIONS: tuple[str, ...] = (
    "place", "remove", "stack", "move left", "move right", "move up", "move down",
    "spin clockwise", "spin counterclockwise", "grow", "shrink", "flash", "shake", "bounce",
)  # fmt: skip

SIZES: tuple[str, ...] = ("small", "medium", "big")

PLACES: tuple[str, ...] = tuple(
    f"{row} {column}" for row in ("top", "middle", "bottom") for column in ("left", "centre", "right")
)
"""The nine fields of the table, row by row."""

_SIZE_LIMITS = (0.1225, 0.1575)  # radius, as a share of the frame's side
_HELD_OUT_PERCENT = 15


def size_of(radius: float) -> str:
    """Return the size word of a radius (share of the frame's side)."""
    return SIZES[sum(radius >= limit for limit in _SIZE_LIMITS)]


def place_of(x: float, y: float) -> str:
    """Return which of the nine fields holds the point (0..1 from the top left)."""
    column, row = (min(2, max(0, int(3 * v))) for v in (x, y))
    return PLACES[3 * row + column]


@cache
def is_held_out(colour: str, shape: str, action: str) -> bool:
    """Tell whether a combination is kept out of training: a fixed 15 % of them, by hash.

    Every colour, shape and action by itself, and nearly every pair, is seen in training.
    """
    digest = hashlib.blake2b(f"{colour}|{shape}|{action}".encode(), digest_size=4).digest()
    return int.from_bytes(digest) % 100 < _HELD_OUT_PERCENT
