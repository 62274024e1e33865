"""Reading items out of numbered shards, each shard opened once per process.

Comes in: a prefix, a split and a pair (shard number, item number). Goes out: the rows of the item.
Two ways to read: ``mmap`` maps the data file, which is fastest when the files fit in memory;
``pread`` reads exactly the asked rows, which is several times faster from cold disks.
"""

import os
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from mmpt.errors import DataError
from mmpt.store.meta import ShardMeta, load_meta, shard_path, video_prefix
from mmpt.store.npyfile import read_array, read_header
from mmpt.store.shardedtensor import check_starts

__all__ = ["ReadMode", "ShardReader"]

ReadMode = Literal["mmap", "pread"]


class _Shard:
    """One open shard: starts in memory, data mapped or behind a file descriptor."""

    def __init__(self, path: str, mode: ReadMode) -> None:
        self.starts = read_array(f"{path}_starts.npy")
        data = f"{path}_data.npy"
        self.header = read_header(data)
        check_starts(self.starts, self.header.shape[0], f"the shard {path}")
        self._path = data
        # A plain array over the map: slicing a np.memmap costs several times more.
        self._mapped = np.asarray(read_array(data, mmap_mode="r")) if mode == "mmap" else None
        self._file = open(data, "rb", buffering=0) if mode == "pread" else None  # noqa: SIM115

    def rows(self, first: int, last: int) -> np.ndarray:
        """Return rows [first, last) of the data."""
        if self._file is None:
            assert self._mapped is not None
            return self._mapped[first:last]
        wanted = (last - first) * self.header.row_bytes
        buffer = bytearray(wanted)
        # pread keeps no file position, so processes that share the descriptor after a fork do not collide.
        got = (
            os.preadv(self._file.fileno(), [buffer], self.header.offset + first * self.header.row_bytes)
            if wanted
            else 0
        )
        if got != wanted:
            raise DataError(f"The file {self._path} ended while being read: {got} of {wanted} bytes came.")
        return np.frombuffer(buffer, self.header.dtype).reshape(last - first, *self.header.shape[1:])

    def close(self) -> None:
        """Close the file descriptor; arrays that were handed out stay valid."""
        self._mapped = None
        if self._file is not None:
            self._file.close()


class ShardReader:
    """Items of the shards ``<prefix><split>_<shard><kind>``.

    It can be pickled and survives a fork; each process opens a shard when it first reads from it.

    Args:
        prefix: ``<vfeat_dir>/`` for videos (see :meth:`videos`), ``tfeat_dir`` for captions.
        split: ``"train"`` or ``"val"``.
        kind: Empty for videos, ``".startends"`` or ``".caps_ids"`` for captions.
        mode: ``"mmap"`` or ``"pread"``.
        items: Shard number -> number of items it must have, usually from the meta file.
        dim: Numbers a row must have; None if any.
        max_open: Shards kept open at a time; the one used longest ago is closed.

    Raises:
        DataError: If ``mode`` is not known.
    """

    def __init__(
        self,
        prefix: str,
        split: str,
        kind: str = "",
        mode: ReadMode = "mmap",
        items: Mapping[int, int] | None = None,
        dim: int | None = None,
        max_open: int = 256,
    ) -> None:
        if mode not in ("mmap", "pread"):
            raise DataError(f"The read mode '{mode}' is not known; allowed are 'mmap' and 'pread'.")
        self.prefix, self.split, self.kind, self.mode = os.fspath(prefix), split, kind, mode
        self._items = dict(items) if items is not None else None
        self._dim = dim
        self._max_open = max_open
        self._open: OrderedDict[int, _Shard] = OrderedDict()

    @classmethod
    def videos(
        cls, vfeat_dir: str | os.PathLike[str], split: str, mode: ReadMode = "mmap", dim: int | None = None
    ) -> "ShardReader":
        """Return the reader of a folder's video shards, which are checked against their meta file."""
        prefix = video_prefix(vfeat_dir)
        meta = load_meta(prefix, split)
        return cls(prefix, split, mode=mode, items=_items_of(meta), dim=dim or _dim_of(meta))

    def path(self, shard: int) -> str:
        """Return the common part of the two file names of a shard."""
        return shard_path(self.prefix, self.split, shard, self.kind)

    def length(self, shard: int, item: int) -> int:
        """Return the number of rows of an item without reading them."""
        first, last = self._span(shard, item)
        return last - first

    def __getitem__(self, key: tuple[int, int]) -> np.ndarray:
        return self.read(*key)

    def read(self, shard: int, item: int, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Return rows [start, stop) of an item, shape (rows, dim); all of them by default.

        Rows beyond the item's end are left out, as with a slice. Mapped rows are read-only views.

        Raises:
            DataError: If the shard is missing, truncated, foreign or does not match the meta file,
                or there is no such item.
        """
        first, last = self._span(shard, item)
        begin = min(first + start, last)
        end = last if stop is None else max(begin, min(first + stop, last))
        return self._shard(shard).rows(begin, end)

    def _span(self, shard: int, item: int) -> tuple[int, int]:
        starts = self._shard(shard).starts
        if not 0 <= item < len(starts) - 1:
            raise DataError(
                f"The shard {self.path(shard)} has {len(starts) - 1} items; item {item} was asked for. "
                "The meta file and the shards do not belong together."
            )
        return int(starts[item]), int(starts[item + 1])

    def _shard(self, number: int) -> _Shard:
        if number not in self._open:
            self._open[number] = self._opened(number)
            if len(self._open) > self._max_open:
                self._open.popitem(last=False)[1].close()
        self._open.move_to_end(number)
        return self._open[number]

    def _opened(self, number: int) -> _Shard:
        shard = _Shard(self.path(number), self.mode)
        shape = shard.header.shape
        if self._dim is not None and shape[1:] != (self._dim,):
            raise DataError(
                f"The shard {self.path(number)} has rows of shape {shape[1:]}; ({self._dim},) is expected. "
                "It comes from another extractor or is no shard of this kind."
            )
        found = len(shard.starts) - 1
        if self._items is not None and self._items.get(number) != found:
            raise DataError(
                f"The shard {self.path(number)} has {found} items and the meta file lists "
                f"{self._items.get(number, 'no such shard')}; they do not belong together. "
                "Check the folder with: python -m mmpt_cli.shards verify FOLDER"
            )
        return shard

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": OrderedDict()}


def _items_of(meta: ShardMeta) -> dict[int, int]:
    return {shard: len(ids) for shard, ids in meta.shards.items()}


def _dim_of(meta: ShardMeta) -> int | None:
    return next((spec.dim for spec in meta.arrays or () if spec.kind == ""), None)
