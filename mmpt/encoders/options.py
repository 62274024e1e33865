"""Options of an encoder as text: ``NAME=VALUE``."""

from collections.abc import Iterable
from typing import Any

import yaml

from mmpt.errors import ConfigError

__all__ = ["parse_options"]


def parse_options(texts: Iterable[str]) -> dict[str, Any]:
    """Return ``{name: value}`` of texts such as ``fps=10``; values are read as YAML reads them.

    Raises:
        ConfigError: If a text is no ``NAME=VALUE``, a value no YAML, or a name given twice.
    """
    options: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name.isidentifier():
            raise ConfigError(f"The option '{text}' is no NAME=VALUE, such as fps=10.")
        if name in options:
            raise ConfigError(
                f"The option '{name}' is given twice: {options[name]} and {value}. Give it once."
            )
        try:
            options[name] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise ConfigError(
                f"The value of the option '{text}' cannot be read as YAML; quote it."
            ) from error
    return options
