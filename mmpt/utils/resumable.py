"""A file that is written piece by piece, and continued after the writer was killed.

While it is being written it is ``.<name>.partial``; ``.<name>.partial.json`` says how far it is good and
what it is made from. The file itself appears whole or not at all.
"""

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmpt.errors import DataError
from mmpt.utils.files import read_json, remove_left_over, unwritable, write_json
from mmpt.utils.lock import exclusive

__all__ = ["ResumableFile", "resumable_write"]

CHECKPOINT_SECONDS = 10.0
"""A killed run loses at most the work of so many seconds."""


class ResumableFile:
    """The file while it is being written; made by :func:`resumable_write`."""

    def __init__(self, target: Path, key: Mapping[str, Any]) -> None:
        self.target = target
        self.state: dict[str, Any] = {}
        """What the writer needs to continue, as of the last checkpoint; empty at the beginning."""
        self._key = dict(key)
        self._partial = target.with_name(f".{target.name}.partial")
        self._record = self._partial.with_name(f"{self._partial.name}.json")
        remove_left_over(self._record)
        remove_left_over(target)
        size = self._load()
        # Unbuffered: what was appended is in the file, and processes that are forked inherit no copy of it.
        self._stream = open(self._partial, "ab", buffering=0)  # noqa: SIM115
        self._stream.truncate(size)
        self._stream.seek(size)  # what a checkpoint before the first write records
        self._saved = time.monotonic()

    def append(self, data: bytes, state: Mapping[str, Any] | None = None) -> None:
        """Write ``data``; now and then save ``state`` as what :attr:`state` is after an interruption.

        Args:
            data: The next piece.
            state: What the writer needs to continue behind it; None if it is not to be continued there.

        Raises:
            DataError: If the disk is full.
        """
        view = memoryview(data)
        try:
            while view:
                view = view[self._stream.write(view) :]
            if state is not None and time.monotonic() - self._saved >= CHECKPOINT_SECONDS:
                self._save(state)
        except OSError as error:
            raise unwritable(self.target, error) from error

    def finish(self) -> None:
        """Give the file its name."""
        os.fsync(self._stream.fileno())
        self._stream.close()
        os.replace(self._partial, self.target)
        self._record.unlink(missing_ok=True)

    def close(self, keep: bool) -> None:
        """End an unfinished run; without ``keep`` nothing of it stays."""
        self._stream.close()
        if not keep:
            self._partial.unlink(missing_ok=True)
            self._record.unlink(missing_ok=True)

    def _load(self) -> int:
        """Set the state to that of an earlier run from the same key; return the bytes it is good for."""
        if not (self._record.exists() and self._partial.exists()):
            return 0
        record = read_json(self._record)
        same = record["key"] == json.loads(json.dumps(self._key))
        if not same or record["size"] > self._partial.stat().st_size:
            return 0
        self.state = record["state"]
        return int(record["size"])

    def _save(self, state: Mapping[str, Any]) -> None:
        os.fsync(self._stream.fileno())
        write_json(self._record, {"key": self._key, "size": self._stream.tell(), "state": dict(state)})
        self._saved = time.monotonic()


@contextmanager
def resumable_write(path: str | os.PathLike[str], key: Mapping[str, Any]) -> Iterator[ResumableFile]:
    """Open a file to append to; it gets its name when the block ends without error.

    After an interruption it is continued from its last checkpoint; after a DataError, which would come
    again, nothing is left of it.

    Args:
        path: The file.
        key: What it is made from, as JSON; what an earlier run made from something else is not continued.

    Raises:
        DataError: If it cannot be written, or another process is writing it.
    """
    target = Path(path)
    with exclusive(target.with_name(f".{target.name}.lock"), f"the file {target}"):
        try:
            file = ResumableFile(target, key)
        except OSError as error:
            raise unwritable(target, error) from error
        keep = True
        try:
            yield file
            file.finish()
        except DataError:
            keep = False
            raise
        finally:
            file.close(keep)
