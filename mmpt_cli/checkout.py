"""Where this copy of mmpt lies, and how a command started from it finds the package."""

import os
from pathlib import Path

import mmpt

__all__ = ["ROOT", "child_environment", "place"]

ROOT = Path(mmpt.__file__).parent.parent
"""The checkout."""


def place(path: str) -> str:
    """Return the path of a file or folder of the checkout, relative to the working directory."""
    return os.path.relpath(ROOT / path)


def child_environment() -> dict[str, str]:
    """Return the environment of a command that must find ``mmpt``, whatever its working directory."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
