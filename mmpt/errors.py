"""The exceptions that mmpt raises on purpose.

Every message is a sentence that says what was given, where, what is allowed and what to do next.
A traceback that ends in any other exception type is a bug in mmpt.
"""

__all__ = ["CheckpointError", "ConfigError", "DataError", "MMPTError", "MissingDependencyError"]


class MMPTError(Exception):
    """Base class of all errors that mmpt raises; command-line tools print it without a traceback."""


class ConfigError(MMPTError):
    """A configuration file cannot be used: unknown key or class, wrong type, cyclic include."""


class DataError(MMPTError):
    """A data file is missing, truncated, foreign, or does not match its neighbours."""


class CheckpointError(MMPTError):
    """A checkpoint is missing, unsafe to load, or belongs to another model."""


class MissingDependencyError(MMPTError, ImportError):
    """An optional package is needed and not installed; the message says what to install."""
