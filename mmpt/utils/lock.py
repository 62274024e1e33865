"""A lock on something that one process at a time may write."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmpt.errors import DataError
from mmpt.utils.logging import get_logger

__all__ = ["exclusive"]

logger = get_logger(__name__)


@contextmanager
def exclusive(path: str | os.PathLike[str], what: str) -> Iterator[None]:
    """Hold the lock file ``path`` while the block runs; it is removed at its end.

    The system gives the lock up when the process ends in any way, so that a killed run blocks nobody;
    the next one takes over its file. Processes that this one starts do not hold the lock.

    Args:
        path: The lock file; its folder is made.
        what: What is locked; named in the error.

    Raises:
        DataError: If another process holds it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    file = _locked(path, what)
    while not _is_at(path, file):
        # The one before removed its file between our opening and our locking it: nobody would see our lock.
        os.close(file)
        file = _locked(path, what)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(file)


def _locked(path: Path, what: str) -> int:
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EAGAIN):
            logger.warning("%s: this file system has no locks (%s); write from one process.", path, error)
            return file
        os.close(file)
        raise DataError(
            f"Another process is writing {what} (it holds {path}). Wait for it, or stop it."
        ) from error
    return file


def _is_at(path: Path, file: int) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False
