"""From a template and values to a page; Jinja escapes every text."""

import os
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from mmpt.utils.files import atomic_write
from mmpt.utils.units import format_bytes, format_count, format_seconds

__all__ = ["render", "write_page"]

_HERE = Path(__file__).parent


def render(template: Path, **values: Any) -> str:
    """Return the page that a template makes of values."""
    return _environment(template.parent).get_template(template.name).render(**values)


def write_page(path: str | os.PathLike[str], template: Path, **values: Any) -> Path:
    """Write the page that a template makes of values, atomically, and return its path."""
    page = render(template, **values)
    with atomic_write(path, "w") as stream:
        stream.write(page)
    return Path(path)


@cache
def _environment(folder: Path) -> Environment:
    environment = Environment(
        loader=FileSystemLoader([folder, _HERE]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"seconds": format_seconds, "number": format_count, "bytes": format_bytes}
    return environment
