"""Keys of users' own classes: the fields of the dataclass ``Config`` that a registered class may carry.

They are further keys of the section that names the class. Only classes that a plugin has registered
are looked at; nothing is imported.
"""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from typing import Any

from mmpt.catalog import REGISTRIES

__all__ = ["users_classes", "users_defaults", "users_keys"]


def users_classes(section: str, given: Mapping[str, Any]) -> list[type]:
    """Return the classes that users registered among those that a section names; "" is the top level."""
    named = (
        registry.registered(str(given.get(key)))
        for (place, key), registry in REGISTRIES.items()
        if place == section
    )
    return [cls for cls in named if cls is not None]


def users_keys(section: str, given: Mapping[str, Any]) -> set[str]:
    """Return the keys that these classes declare."""
    return {each.name for each in _fields(section, given)}


def users_defaults(section: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the defaults of these keys, of those that have one."""
    found = {}
    for each in _fields(section, given):
        if each.default is not MISSING:
            found[each.name] = each.default
        elif each.default_factory is not MISSING:
            found[each.name] = each.default_factory()
    return found


def _fields(section: str, given: Mapping[str, Any]) -> list[Field[Any]]:
    configs = (cls.Config for cls in users_classes(section, given) if hasattr(cls, "Config"))
    return [each for config in configs for each in fields(config)]
