"""``includes``: which files make up one configuration, and how they are merged.

Comes in: a YAML file. Goes out: its layers, from the innermost included file to the file itself.
A later layer overrides an earlier one key by key; a list replaces a list, and ``key:`` (null)
overrides with null. Paths are relative to the working directory.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

from mmpt.config.yamlfile import read_yaml
from mmpt.errors import ConfigError

__all__ = ["Layer", "load_layers", "merge", "merge_layers", "origin"]


@dataclass(frozen=True)
class Layer:
    """What one file sets."""

    path: str
    """The file."""
    values: dict[str, Any]
    """Its keys, without ``includes``."""
    prefix: str = ""
    """Where ``values`` stand in the file: empty, or a dotted key with a dot at its end."""


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``base`` overridden by ``over``, key by key; neither is changed.

    A key keeps the position it has in ``base``; new keys follow in the order of ``over``.
    """
    merged = copy.deepcopy(dict(base))
    for key, value in over.items():
        before = merged.get(key)
        both = isinstance(before, Mapping) and isinstance(value, Mapping)
        merged[key] = merge(before, value) if both else copy.deepcopy(value)  # type: ignore[arg-type]
    return merged


def merge_layers(layers: Sequence[Layer]) -> dict[str, Any]:
    """Return all layers merged into one mapping."""
    return reduce(merge, (layer.values for layer in layers), {})


def origin(layers: Sequence[Layer], key: str) -> tuple[str, str]:
    """Return the file that sets the dotted ``key``, and the key as it stands in that file.

    It is the last layer that holds the key; for a key that no layer holds, the last one.
    """
    for layer in reversed(layers):
        values: Any = layer.values
        for part in key.split("."):
            if not isinstance(values, Mapping) or part not in values:
                break
            values = values[part]
        else:
            return layer.path, layer.prefix + key
    return layers[-1].path, layers[-1].prefix + key


def load_layers(path: str, chain: tuple[str, ...] = ()) -> list[Layer]:
    """Read ``path`` and everything it includes, innermost file first.

    Args:
        path: YAML file; its ``includes`` is a path or a list of paths, later ones override.
        chain: The files that led here, outermost first.

    Raises:
        ConfigError: If a file is missing, no YAML, or includes itself; the message names the chain.
    """
    trail = (*chain, str(path))
    if Path(path).resolve() in {Path(each).resolve() for each in chain}:
        raise ConfigError(f"The includes run in a circle: {' -> '.join(trail)}. Remove one of them.")
    if chain and not Path(path).is_file():
        raise ConfigError(
            f"The included file {path} does not exist: {' -> '.join(trail)}. "
            f"Paths are relative to the working directory, {Path.cwd()}."
        )
    values = read_yaml(path)
    included = values.pop("includes", None) or []
    names = [included] if isinstance(included, str) else included
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ConfigError(f"{path}: includes: must be a path or a list of paths, got {included!r}.")
    layers = [layer for name in names for layer in load_layers(name, trail)]
    return [*layers, Layer(str(path), values)]
