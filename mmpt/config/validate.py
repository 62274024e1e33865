"""Validation: every problem of a configuration at once, each with file, key, and what is allowed.

Comes in: the layers of a task. Goes out: a list of :class:`Problem`. No file that the configuration
names is looked for, and no model or data class is imported (only the user's ``plugins`` are).
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_type_hints

from mmpt.catalog import REGISTRIES
from mmpt.config import fairseq_options
from mmpt.config.crosschecks import cross_check
from mmpt.config.includes import Layer, merge_layers, origin
from mmpt.config.project import expand, is_project, task_layers
from mmpt.config.schema import SECTIONS, Section, TaskConfig
from mmpt.config.typecheck import describe, fits, suggest
from mmpt.config.userkeys import users_classes, users_defaults, users_keys
from mmpt.errors import ConfigError
from mmpt.utils.plugins import load_plugin

__all__ = ["Problem", "check_file", "check_task"]

Found = Iterator[tuple[str, str]]
"""Pairs of a dotted key and what is wrong with it."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a configuration."""

    path: str
    """The file that sets the key."""
    key: str
    """The dotted key."""
    message: str
    """What is wrong, and what is allowed."""
    severity: Literal["error", "warning"] = "error"
    """``warning``: may be a user's own key."""

    def __str__(self) -> str:
        end = "" if self.message.endswith((".", "?")) else "."
        return f"{self.path}: {self.key}: {self.message}{end}"


def check_file(path: str | os.PathLike[str]) -> list[Problem]:
    """Return the problems of a task file, or of all tasks of a project file.

    Raises:
        ConfigError: If a file is missing, no valid YAML, includes itself, or is a broken project.
    """
    name = os.fspath(path)
    if is_project(name):
        found = [problem for layers in expand(name).values() for problem in check_task(layers)]
    else:
        found = check_task(task_layers(name))
    return list(dict.fromkeys(found))


def check_task(layers: Sequence[Layer]) -> list[Problem]:
    """Return all problems of one task."""
    values = merge_layers(layers)

    def place(found: Found, severity: Literal["error", "warning"] = "error") -> list[Problem]:
        return [Problem(*origin(layers, key), message, severity) for key, message in found]

    problems = place(_plugins(values)) + place(_types(values)) + place(_fairseq(values.get("fairseq")))
    problems += place(_undeclared(values, False)) + place(_undeclared(values, True), "warning")
    problems += place(_lacking(values)) + place(_classes(values))
    if not any(problem.severity == "error" for problem in problems):
        problems += place(cross_check(TaskConfig.from_mapping(values)))
    return problems


def _plugins(values: Mapping[str, Any]) -> Found:
    names = values.get("plugins")
    if not fits(names, list[str]):
        return
    for name in names or []:
        try:
            load_plugin(name)
        except (ConfigError, ImportError) as error:
            yield "plugins", f"'{name}' cannot be loaded: {str(error).removesuffix('.')}"


def _sections(values: Mapping[str, Any]) -> Iterator[tuple[str, type[Section], Mapping[str, Any]]]:
    """Yield (name, dataclass, mapping) of the top level, whose name is empty, and of every section given."""
    yield "", TaskConfig, values
    for name, section in SECTIONS.items():
        if isinstance(values.get(name), Mapping):
            yield name, section, values[name]


def _dotted(section: str, key: str) -> str:
    return f"{section}.{key}".removeprefix(".")


def _types(values: Mapping[str, Any]) -> Found:
    for name, section, given in _sections(values):
        hints = get_type_hints(section)
        keys = section.keys()
        for key in (key for key in given if key in keys):
            hint = dict[str, Any] if key in (*SECTIONS, "fairseq") and not name else hints[key]
            if not fits(given[key], hint):
                yield _dotted(name, key), f"must be {describe(hint)}, got {_shown(given[key])}"


def _undeclared(values: Mapping[str, Any], reads_freely: bool) -> Found:
    """Yield keys that nobody declares: of sections that a user's class reads freely, or of all others."""
    for name, section, given in _sections(values):
        if _reads_freely(name, given) == reads_freely:
            allowed = [*section.keys(), *users_keys(name, given)]
            for key in (key for key in given if key not in allowed):
                freely = "is no key of the toolkit; give the class that reads it a Config"
                yield _dotted(name, key), freely if reads_freely else f"unknown key{suggest(key, allowed)}"


def _lacking(values: Mapping[str, Any]) -> Found:
    for name, _, given in _sections(values):
        declared, default = users_keys(name, given), users_defaults(name, given)
        for key in sorted(key for key in declared - default.keys() if given.get(key) is None):
            yield _dotted(name, key), "must be set, it has no default in the Config of your class"


def _reads_freely(section: str, given: Mapping[str, Any]) -> bool:
    """Tell whether a section, not the top level, names a user's class that does not declare its keys."""
    return section != "" and not all(hasattr(cls, "Config") for cls in users_classes(section, given))


def _classes(values: Mapping[str, Any]) -> Found:
    for (section, key), registry in REGISTRIES.items():
        given = values if not section else values.get(section)
        name = given.get(key) if isinstance(given, Mapping) else None
        message = registry.problem(name) if isinstance(name, str) else None
        if message is not None:
            yield _dotted(section, key), message


def _fairseq(groups: Any) -> Found:
    for group, options in groups.items() if isinstance(groups, Mapping) else ():
        if group not in fairseq_options.GROUPS:
            yield f"fairseq.{group}", f"unknown group{suggest(group, fairseq_options.GROUPS)}"
        elif options is not None and not isinstance(options, Mapping):
            yield f"fairseq.{group}", f"must be a mapping of options, got {_shown(options)}"
        else:
            for name, value in (options or {}).items():
                yield from _option(f"fairseq.{group}.{name}", name.replace("-", "_"), value)


def _option(key: str, name: str, value: Any) -> Found:
    hint = fairseq_options.TYPES.get(name, str | float | bool | list[str | float])
    if name in fairseq_options.SET_BY_LAUNCHER:
        yield key, "is set by the launcher; remove it"
    elif name not in fairseq_options.OPTIONS:
        yield key, f"is no option of fairseq-train{suggest(name, fairseq_options.OPTIONS)}"
    elif not fits(value, hint) or value == []:
        yield key, f"must be {describe(hint)}, got {_shown(value)}"


def _shown(value: Any) -> str:
    return f"the text '{value}'" if isinstance(value, str) else repr(value)
