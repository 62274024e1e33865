"""Registry: from the class name that a YAML file gives to the class, loaded when it is first needed.

Comes in: a name such as ``"MMFusionSeparate"``. Goes out: the class, or an error that names the
nearest known one. A registry knows names and module paths only; it imports a module when a class
of it is asked for, so that validating a configuration needs neither torch nor fairseq.
"""

import difflib
import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import is_dataclass
from typing import Any, TypeVar

from mmpt.errors import ConfigError

__all__ = ["Registry", "nearest", "unknown_attribute"]

Class = TypeVar("Class", bound=type)


def nearest(name: str, allowed: Iterable[str]) -> str | None:
    """Return the allowed name closest to ``name``, or None if nothing is near."""
    matches = difflib.get_close_matches(name, list(allowed), n=1, cutoff=0.6)
    return matches[0] if matches else None


def unknown_attribute(module: str, name: str, *registries: "Registry") -> AttributeError:
    """Return the error for a name that a package does not have, with the nearest that it has.

    Args:
        module: The package.
        name: What was asked of it.
        registries: Those whose classes the package offers.
    """
    known = [each for registry in registries for each in registry.names()]
    close = nearest(name, known)
    hint = f" Did you mean '{close}'?" if close else ""
    return AttributeError(f"The module '{module}' has no attribute '{name}'.{hint}")


class Registry:
    """Names that one YAML key may hold, such as ``aligner`` or ``loss_cls``.

    Args:
        key: The YAML key, used in messages.
        modules: Class name -> module that defines it. Nothing is imported before :meth:`get`.
    """

    def __init__(self, key: str, modules: Mapping[str, str]) -> None:
        self.key = key
        self._modules = dict(modules)
        self._classes: dict[str, type] = {}

    def names(self) -> list[str]:
        """Return the usable names, sorted."""
        return sorted({*self._modules, *self._classes})

    def __contains__(self, name: object) -> bool:
        return name in self._modules or name in self._classes

    def register(self, name: str | None = None) -> Callable[[Class], Class]:
        """Class decorator that adds a user's class under ``name`` (default: its own name).

        Raises:
            ConfigError: If another class already has the name, or the class has a ``Config``, which
                declares its keys, that is no dataclass.
        """

        def add(cls: Class) -> Class:
            key = name or cls.__name__
            if key in self._modules or self._classes.get(key, cls) is not cls:
                raise ConfigError(f"The {self.key} '{key}' is registered already; choose another name.")
            if hasattr(cls, "Config") and not is_dataclass(cls.Config):
                raise ConfigError(f"The Config of '{key}' declares its keys in YAML: make it a dataclass.")
            self._classes[key] = cls
            return cls

        return add

    def registered(self, name: str) -> type | None:
        """Return the class a user registered as ``name``, or None; nothing is imported."""
        return self._classes.get(name) if name not in self._modules else None

    def problem(self, name: str) -> str | None:
        """Return why ``name`` cannot be used, as a sentence, or None if it can."""
        if name in self:
            return None
        close = nearest(name, self.names())
        hint = f"; did you mean '{close}'?" if close else "."
        return f"unknown {self.key} '{name}'{hint} Known: {', '.join(self.names())}"

    def get(self, name: str) -> Any:
        """Return the class called ``name``, importing its module if needed.

        Raises:
            ConfigError: If the name is unknown.
        """
        problem = self.problem(name)
        if problem is not None:
            raise ConfigError(f"{problem[0].upper()}{problem[1:]}.")
        if name not in self._classes:
            self._classes[name] = getattr(importlib.import_module(self._modules[name]), name)
        return self._classes[name]
