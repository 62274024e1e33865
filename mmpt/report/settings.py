"""Settings of runs: one by one, and where they differ."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["differences", "flatten"]

ABSENT = "–"


def flatten(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield dotted keys and their values as text, in the order of the file."""
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", _text(value)


def differences(settings: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[str]]]:
    """Return the keys whose values are not the same everywhere, with the value of each.

    A run without any settings, whose file is lost, says nothing of what differs.
    """
    flat = [dict(flatten(each)) for each in settings]
    keys = dict.fromkeys(key for each in flat for key in each)
    rows = [(key, [each.get(key, ABSENT) for each in flat]) for key in keys]
    return [
        (key, values)
        for key, values in rows
        if len({value for value, run in zip(values, flat, strict=True) if run}) > 1
    ]


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    return json.dumps(value) if value is None or isinstance(value, bool | dict) else str(value)
