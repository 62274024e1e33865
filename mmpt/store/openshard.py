"""One open shard: its rows mapped into memory or read at their position.

A map is the fastest way to rows that are in the system's file cache, and the slowest to rows that are
not: it fetches page after page. So before a part of a mapped file is touched for the first time, the
system is told to fetch it as a whole, which makes cold reads several times faster and costs nothing
later. Measured in ``benchmarks/bench_shards.py``.
"""

import os
import sys

import numpy as np

from mmpt.errors import DataError
from mmpt.store.npyfile import read_array, read_header
from mmpt.store.shardedtensor import check_starts

__all__ = ["OpenShard"]

_BLOCK = 14
"""Logarithm of the 16 KiB that are announced to the system together."""


class OpenShard:
    """A shard with its files open.

    Args:
        path: The common part of the two file names.
        mapped: Map the data; otherwise each read asks for exactly its rows.

    Raises:
        DataError: If a file is missing, truncated or foreign, or the two do not belong together.
    """

    def __init__(self, path: str, mapped: bool) -> None:
        starts = read_array(f"{path}_starts.npy")
        self._path = f"{path}_data.npy"
        self.header = read_header(self._path)
        check_starts(starts, self.header.shape[0], f"the shard {path}")
        # Indexing a memoryview gives plain numbers, several times faster than indexing an array.
        self.starts = np.ascontiguousarray(starts, dtype=np.int64).data
        self.items = len(starts) - 1
        self._offset, self._row_bytes = self.header.offset, self.header.row_bytes
        self._file = open(self._path, "rb", buffering=0)  # noqa: SIM115
        # A plain array over the map: slicing a np.memmap costs several times more.
        self._mapped = np.asarray(read_array(self._path, mmap_mode="r")) if mapped else None
        self._announced = bytearray((self._offset + self.header.shape[0] * self._row_bytes >> _BLOCK) + 1)

    def rows(self, first: int, last: int) -> np.ndarray:
        """Return rows [first, last) of the data, read-only if they are mapped.

        Raises:
            DataError: If the file has become shorter since it was opened.
        """
        if self._mapped is not None:
            self.announce(first, last)
            return self._mapped[first:last]
        rows = np.empty((last - first, *self.header.shape[1:]), self.header.dtype)
        # preadv keeps no file position, so processes that share the file after a fork do not collide.
        place = self._offset + first * self._row_bytes
        got = os.preadv(self._file.fileno(), [rows.data], place) if rows.size else 0
        if got != rows.nbytes:
            raise DataError(
                f"The file {self._path} ended while being read: {got} of {rows.nbytes} bytes came."
            )
        return rows

    def announce(self, first: int, last: int) -> None:
        """Have the system fetch rows [first, last) in the background, once per part of a mapped file."""
        if first >= last:
            return
        begin = self._offset + first * self._row_bytes >> _BLOCK
        end = (self._offset + last * self._row_bytes - 1 >> _BLOCK) + 1
        if self._announced.find(0, begin, end) < 0:
            return
        if sys.platform == "linux":
            offset, length = begin << _BLOCK, end - begin << _BLOCK
            os.posix_fadvise(self._file.fileno(), offset, length, os.POSIX_FADV_WILLNEED)
        if self._mapped is not None:
            self._announced[begin:end] = b"\1" * (end - begin)

    def close(self) -> None:
        """Close the file; arrays that were handed out stay valid."""
        self._mapped = None
        self._file.close()
