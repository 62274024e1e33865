"""YAML files, read safely and written atomically.

Tags (``!!python/...`` and all others) are refused, so a hostile file never runs code. Unlike plain
PyYAML, ``5e-5`` is a number, ``24:00:00`` is none, and a key that stands twice or is no text is an error.
"""

import os
import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from mmpt.errors import ConfigError

__all__ = ["dump_yaml", "read_yaml"]


MERGE = "tag:yaml.org,2002:merge"


class _Loader(yaml.SafeLoader):
    """The safe loader, with the numbers of YAML 1.2; a key is text and stands once."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.deep_construct = True  # a value that holds itself is then an error, and not a loop later

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = "<<" if key_node.tag == MERGE else self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise _problem(f"the key {key!r} is not text, put it in quotes", key_node)
            if key in seen and key != "<<":
                raise _problem(f"the key '{key}' stands twice", key_node)
            seen.add(key)
        return super().construct_mapping(node, deep)

    def construct_int(self, node: yaml.ScalarNode) -> int | str:
        # YAML 1.1 counts in sixties: a day, as sbatch wants it, would be 86400.
        return node.value if ":" in node.value else self.construct_yaml_int(node)


def _problem(message: str, node: yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.constructor.ConstructorError(None, None, message, node.start_mark)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_int)


def read_yaml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a YAML file that holds a mapping.

    Raises:
        ConfigError: If the file is missing, is no valid YAML, uses a tag, or holds something else.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(f"The file {path} does not exist (working directory: {Path.cwd()}).") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The file {path} cannot be read as text ({error}).") from error
    try:
        values = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f", line {error.problem_mark.line + 1}"
        raise ConfigError(f"{path}{line}: not valid YAML, {error.problem}.") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that does not exist
        raise ConfigError(f"{path}: not valid YAML, {error}.") from error
    except RecursionError as error:
        raise ConfigError(f"{path}: not sane YAML, its values are nested too deep.") from error
    if not isinstance(values, dict):
        kind = "is empty" if values is None else f"holds a {type(values).__name__}"
        raise ConfigError(f"{path}: the file {kind}, and a mapping of keys to values is needed.")
    return values


def dump_yaml(values: dict[str, Any]) -> str:
    """Return ``values`` as YAML text, keys in their order."""
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=120)
