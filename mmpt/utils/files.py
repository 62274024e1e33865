"""Files: reading text and JSON, atomic writes, checksums. Nothing half-written is ever left behind."""

import hashlib
import json
import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from mmpt.errors import DataError

__all__ = [
    "TEMPORARY",
    "atomic_write",
    "read_json",
    "read_text",
    "remove_left_over",
    "sha256",
    "share_by_umask",
    "unreadable",
    "unwritable",
    "write_json",
]

TEMPORARY = re.compile(r"\..*\.\d+-[0-9a-f]+\.tmp")
"""Names of the files that :func:`atomic_write` fills; only a killed process leaves one behind."""


def share_by_umask(path: str | os.PathLike[str]) -> None:
    """Give a file the permissions of new files; safetensors makes its files for their owner alone."""
    umask = os.umask(0o077)  # it can only be read by setting it
    os.umask(umask)
    os.chmod(path, 0o666 & ~umask)


def unreadable(path: str | os.PathLike[str], error: OSError) -> DataError:
    """Return the error that says why a file cannot be opened, and what to do."""
    if isinstance(error, FileNotFoundError):
        return DataError(f"The file {path} does not exist; check the path (working directory: {Path.cwd()}).")
    return DataError(
        f"The file {path} cannot be read ({error.strerror or error}); check the path and the permissions."
    )


def read_text(path: str | os.PathLike[str], encoding: str = "utf-8") -> str:
    """Read a text file.

    Raises:
        DataError: If the file cannot be opened or is not UTF-8.
    """
    try:
        return Path(path).read_text(encoding=encoding)
    except OSError as error:
        raise unreadable(path, error) from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"The file {path} is not UTF-8 text ({error.reason} at byte {error.start}); convert it to UTF-8."
        ) from error


@contextmanager
def atomic_write(
    path: str | os.PathLike[str], mode: str = "wb", temporary: Path | None = None
) -> Iterator[IO[Any]]:
    """Open a temporary file and move it to ``path`` when the block ends without error.

    A reader sees the old file or the whole new one. On an exception the temporary file is removed.

    Args:
        path: The file.
        mode: ``"wb"`` or ``"w"``.
        temporary: Where the temporary file goes, on the same file system; by default a new name beside
            ``path``. Give one that you can find again, to remove what a killed process leaves.

    Raises:
        DataError: If the file cannot be written: no permission, a folder in its place, a full disk.
    """
    target = Path(path)
    temporary = temporary or target.with_name(f".{target.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        stream = open(temporary, mode, encoding=None if "b" in mode else "utf-8")  # noqa: SIM115
    except OSError as error:
        raise unwritable(target, error) from error
    try:
        with stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, target)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        # A write that fails names no file, a replacement this one; other files are the caller's matter.
        if isinstance(error, OSError) and error.filename in (None, os.fspath(temporary)):
            raise unwritable(target, error) from error
        raise


def unwritable(target: Path, error: OSError) -> DataError:
    """Return the error that says why a file cannot be written, and what to do."""
    return DataError(
        f"The file {target} cannot be written ({error.strerror or error}); "
        "check the path, its permissions and the free space."
    )


def remove_left_over(path: str | os.PathLike[str]) -> None:
    """Remove the temporary files of killed writers of ``path``; only for the one writer that it has now."""
    target = Path(path)
    for entry in list(target.parent.iterdir()) if target.parent.is_dir() else []:
        if entry.name.startswith(f".{target.name}.") and TEMPORARY.fullmatch(entry.name):
            entry.unlink(missing_ok=True)


def sha256(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file's content as hexadecimal digits."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_json(path: str | os.PathLike[str]) -> Any:
    """Read a JSON file.

    Raises:
        DataError: If the file cannot be opened or is not JSON.
    """
    text = read_text(path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: also a number of thousands of digits
        raise DataError(f"The file {path} is not valid JSON ({error}); it may be truncated.") from error


def write_json(path: str | os.PathLike[str], value: Any, temporary: Path | None = None) -> None:
    """Write ``value`` as indented JSON, atomically; see :func:`atomic_write`."""
    with atomic_write(path, "w", temporary) as stream:
        json.dump(value, stream, indent=2, ensure_ascii=False)
        stream.write("\n")
