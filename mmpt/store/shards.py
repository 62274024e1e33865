"""Reading items out of numbered shards, each shard opened once per process.

Comes in: a prefix, a split and a pair (shard number, item number). Goes out: the rows of the item.
Two ways to read: ``mmap`` maps the data file, which is fastest when the files fit in memory;
``pread`` reads exactly the asked rows, which stays fast when they do not. ``auto`` chooses by size.
"""

import os
import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mmpt.errors import DataError
from mmpt.store.meta import ShardMeta, check_items, load_meta, shard_path, video_prefix
from mmpt.store.openshard import OpenShard
from mmpt.utils.memory import available_memory

__all__ = ["ReadMode", "ShardReader", "choose_mode"]

ReadMode = Literal["auto", "mmap", "pread"]


def choose_mode(prefix: str, split: str, kind: str = "") -> Literal["mmap", "pread"]:
    """Return ``mmap`` if the data of a set of shards takes at most half of the memory that is available.

    The other half is for the model and the file cache of everything else. Where the system does not
    say how much is available, the answer is ``mmap``.
    """
    available = available_memory()
    name = re.compile(rf"{re.escape(Path(f'{prefix}{split}').name)}_\d+{re.escape(kind)}_data\.npy")
    folder = Path(f"{prefix}{split}").parent
    entries = os.scandir(folder) if folder.is_dir() else ()
    size = sum(entry.stat().st_size for entry in entries if name.fullmatch(entry.name))
    return "mmap" if available is None or size <= available // 2 else "pread"


class ShardReader:
    """Items of the shards ``<prefix><split>_<shard><kind>``.

    It can be pickled and survives a fork; each process opens a shard when it first reads from it.

    Args:
        prefix: ``<vfeat_dir>/`` for videos (see :meth:`videos`), ``tfeat_dir`` for captions.
        split: ``"train"`` or ``"val"``.
        kind: Empty for videos, ``".startends"`` or ``".caps_ids"`` for captions.
        mode: ``"mmap"``, ``"pread"``, or ``"auto"``, see :func:`choose_mode`.
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
        mode: ReadMode = "auto",
        items: Mapping[int, int] | None = None,
        dim: int | None = None,
        max_open: int = 256,
    ) -> None:
        if mode not in ("auto", "mmap", "pread"):
            raise DataError(f"The read mode '{mode}' is not known; allowed are 'auto', 'mmap' and 'pread'.")
        self.prefix, self.split, self.kind = os.fspath(prefix), split, kind
        self.mode = choose_mode(self.prefix, split, kind) if mode == "auto" else mode
        self._items = dict(items) if items is not None else None
        self._dim = dim
        self._max_open = max_open
        self._open: OrderedDict[int, OpenShard] = OrderedDict()

    @classmethod
    def videos(
        cls, vfeat_dir: str | os.PathLike[str], split: str, mode: ReadMode = "auto", dim: int | None = None
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
        first, last = self._span(self._shard(shard), shard, item)
        return last - first

    def __getitem__(self, key: tuple[int, int]) -> np.ndarray:
        return self.read(*key)

    def read(self, shard: int, item: int, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Return rows [start, stop) of an item, shape (rows, dim); all of them by default.

        Rows beyond the item's end are left out, as with a slice; ``start`` and ``stop`` are not negative.
        Mapped rows are read-only views.

        Raises:
            DataError: If the shard is missing, truncated, foreign or does not match the meta file,
                or there is no such item.
        """
        opened = self._shard(shard)
        first, last = self._span(opened, shard, item)
        begin = min(first + start, last)
        end = last if stop is None else max(begin, min(first + stop, last))
        return opened.rows(begin, end)

    def prefetch(self, places: Iterable[tuple[int, int]]) -> None:
        """Have the system fetch whole items (shard, item) in the background, to be read soon after.

        Raises:
            DataError: As :meth:`read`.
        """
        for shard, item in places:
            opened = self._shard(shard)
            opened.announce(*self._span(opened, shard, item))

    def _span(self, opened: OpenShard, shard: int, item: int) -> tuple[int, int]:
        if not 0 <= item < opened.items:
            raise DataError(
                f"The shard {self.path(shard)} has {opened.items} items; item {item} was asked for. "
                "The meta file and the shards do not belong together."
            )
        return opened.starts[item], opened.starts[item + 1]

    def _shard(self, number: int) -> OpenShard:
        opened = self._open.get(number)
        if opened is None:
            opened = self._open[number] = self._opened(number)
            if len(self._open) > self._max_open:
                self._open.popitem(last=False)[1].close()
        self._open.move_to_end(number)
        return opened

    def _opened(self, number: int) -> OpenShard:
        shard = OpenShard(self.path(number), self.mode == "mmap")
        shape = shard.header.shape
        if self._dim is not None and shape[1:] != (self._dim,):
            raise DataError(
                f"The shard {self.path(number)} has rows of shape {shape[1:]}; ({self._dim},) is expected. "
                "It comes from another extractor or is no shard of this kind."
            )
        if self._items is not None:
            check_items(self.path(number), shard.items, self._items.get(number))
        return shard

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": OrderedDict()}


def _items_of(meta: ShardMeta) -> dict[int, int]:
    return {shard: len(ids) for shard, ids in meta.shards.items()}


def _dim_of(meta: ShardMeta) -> int | None:
    return next((spec.dim for spec in meta.arrays or () if spec.kind == ""), None)
