"""A short name for everything that a result depends on."""

import hashlib
from collections.abc import Iterable

__all__ = ["fingerprint"]


def fingerprint(facts: Iterable[object]) -> str:
    """Return 16 hexadecimal digits that change when a fact does.

    Args:
        facts: Values whose ``repr`` tells them apart: numbers, names, dataclasses of these.
    """
    return hashlib.sha256("".join(f"{fact!r}\n" for fact in facts).encode()).hexdigest()[:16]
