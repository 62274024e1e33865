"""Optional dependencies: the one place that imports a package which may be absent."""

import importlib
from types import ModuleType

from mmpt.errors import MissingDependencyError

__all__ = ["require"]


def require(package: str, extra: str, purpose: str) -> ModuleType:
    """Import ``package`` or explain which extra of mmpt brings it.

    Args:
        package: Importable module name, such as ``"av"``.
        extra: Extra of mmpt that installs it, such as ``"extract"``.
        purpose: What the package is needed for; completes "... is needed to ...".

    Raises:
        MissingDependencyError: If ``package`` itself is not installed. An import error *inside*
            an installed package is passed on untouched.
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != package.split(".")[0]:
            raise
        raise MissingDependencyError(
            f"The package '{package}' is needed to {purpose} and is not installed; "
            f"run: pip install 'mmpt[{extra}]'."
        ) from error
