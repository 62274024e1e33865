"""Plugins: Python files or modules of the user that register classes and encoders of their own."""

import importlib
import importlib.util
import sys
from pathlib import Path

from mmpt.errors import ConfigError

__all__ = ["is_loaded", "load_plugin"]


def is_loaded(plugin: str) -> bool:
    """Tell whether a file or module was loaded before, whoever did it."""
    return (_name_of(plugin) if Path(plugin).suffix == ".py" else plugin) in sys.modules


def load_plugin(plugin: str) -> None:
    """Run a Python file (``my_encoder.py``) or import a module, once; it registers what it defines.

    Raises:
        ConfigError: If there is no such file or module. An error inside it is passed on.
    """
    path = Path(plugin)
    if path.suffix != ".py":
        _import_module(plugin)
    elif not path.is_file():
        raise ConfigError(f"There is no file {plugin} to load as a plugin; check the path.")
    elif not is_loaded(plugin):
        _run_file(_name_of(plugin), path)


def _name_of(file: str) -> str:
    return f"mmpt_plugin_{Path(file).resolve()}"


def _import_module(name: str) -> None:
    try:
        importlib.import_module(name)
    except (TypeError, ValueError, ModuleNotFoundError) as error:  # the first two: no possible name
        missing = error.name if isinstance(error, ModuleNotFoundError) else name
        if missing is None or not f"{name}.".startswith(f"{missing}."):
            raise  # it is there, and imports something that is not
        raise ConfigError(
            f"There is no module '{name}' to load as a plugin; install it, set PYTHONPATH, or give a file "
            f"such as {name.replace('.', '/')}.py."
        ) from error


def _run_file(name: str, path: Path) -> None:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"The file {path} cannot be loaded as Python code.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickling look their module up
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
