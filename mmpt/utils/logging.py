"""Loggers: standard library logging, silent on every rank but the first."""

import logging
import os

__all__ = ["get_local_rank", "get_logger"]


def get_local_rank() -> int:
    """Return the rank of this process on its machine; 0 outside distributed runs."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def get_logger(name: str) -> logging.Logger:
    """Return the logger of a module; ranks other than 0 report warnings and errors only."""
    logger = logging.getLogger(name)
    if get_local_rank() != 0:
        logger.setLevel(logging.WARNING)
    return logger
