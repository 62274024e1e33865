"""Whether a YAML value fits the type hint of a schema field, and how to say so."""

import types
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Union, get_args, get_origin

from mmpt.registry import nearest

__all__ = ["describe", "fits", "suggest"]

_NAMES = {str: "text", int: "a whole number", float: "a number", bool: "true or false", list: "a list"}


def fits(value: Any, hint: Any) -> bool:
    """Return whether ``value``, as YAML gives it, is of the type ``hint``; null always is (the default)."""
    if value is None or hint is Any:
        return True
    kind, arguments = get_origin(hint), get_args(hint)
    if kind in (Union, types.UnionType):
        return any(fits(value, each) for each in arguments if each is not types.NoneType)
    if kind is Literal:
        return value in arguments
    if kind is list:
        return isinstance(value, list) and all(
            each is not None and fits(each, arguments[0]) for each in value
        )
    if kind is dict:
        return isinstance(value, Mapping) and all(fits(each, arguments[1]) for each in value.values())
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, (int, float) if hint is float else hint)


def describe(hint: Any) -> str:
    """Return the type ``hint`` in words, such as ``"a list of texts"``."""
    kind, arguments = get_origin(hint), get_args(hint)
    if kind in (Union, types.UnionType):
        return " or ".join(describe(each) for each in arguments if each is not types.NoneType)
    if kind is Literal:
        return " or ".join(map(str, arguments))
    if kind is list:
        return f"a list of {describe(arguments[0]).removeprefix('a ')}s"
    if kind is dict:
        return "a mapping"
    return _NAMES.get(hint, "a mapping")


def suggest(name: str, allowed: Iterable[str], most: int = 60) -> str:
    """Return the end of a sentence that names the nearest allowed name and, if they are few, all of them."""
    names = sorted(allowed)
    close = nearest(name, names)
    hint = f"; did you mean '{close}'?" if close else "."
    return f"{hint} Allowed: {', '.join(names)}." if names and len(names) <= most else hint
