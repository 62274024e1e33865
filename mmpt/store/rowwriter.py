"""Writing one shard: rows of item after item go to ``.npy`` files whose length is not known yet."""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import numpy as np

from mmpt.errors import DataError
from mmpt.store.meta import ArraySpec
from mmpt.utils.files import atomic_write, sha256

__all__ = ["write_shard"]


def write_shard(
    paths: Mapping[ArraySpec, str], ids: Sequence[str], items: Iterable[Sequence[np.ndarray]]
) -> tuple[int, dict[str, str]]:
    """Write one shard, one item in memory at a time.

    Args:
        paths: Array of the shard -> what the names of its two files begin with.
        ids: Videos of the items, named in errors.
        items: One (rows, dim) array per array of the shard, for every video.

    Returns:
        The number of rows, and file name -> checksum.

    Raises:
        DataError: If an item has another width or holds NaN, infinity or numbers that do not fit.
    """
    with ExitStack() as stack:
        writers = [
            _RowWriter(stack.enter_context(atomic_write(f"{path}_data.npy")), spec)
            for spec, path in paths.items()
        ]
        for video_id, item in zip(ids, items, strict=True):
            for writer, rows in zip(writers, item, strict=True):
                writer.append(rows, video_id)
        for writer in writers:
            writer.finish()
    checksums = {}
    for writer, path in zip(writers, paths.values(), strict=True):
        with atomic_write(f"{path}_starts.npy") as stream:
            np.save(stream, np.array(writer.starts, dtype=np.int64))
        for name in (f"{path}_data.npy", f"{path}_starts.npy"):
            checksums[Path(name).name] = sha256(name)
    return writers[0].starts[-1], checksums


class _RowWriter:
    """Appends rows to a ``.npy`` file whose number of rows is not known yet."""

    def __init__(self, stream: IO[bytes], spec: ArraySpec) -> None:
        self.starts = [0]
        self._stream, self._spec = stream, spec
        self._header()
        self._offset = stream.tell()

    def append(self, rows: np.ndarray, video_id: str) -> None:
        """Write the rows of the next item."""
        if rows.ndim != 2 or rows.shape[1] != self._spec.dim:
            raise DataError(
                f"The data of the video '{video_id}' has the shape {rows.shape}; "
                f"(rows, {self._spec.dim}) is expected."
            )
        with np.errstate(over="ignore"):
            rows = np.ascontiguousarray(rows, dtype=self._spec.dtype)
        if rows.dtype.kind == "f" and not np.isfinite(rows).all():
            raise DataError(
                f"The data of the video '{video_id}' holds NaN, infinity or numbers too large for "
                f"{self._spec.dtype}; make it again or take the video out of the list."
            )
        self._stream.write(rows.tobytes())
        self.starts.append(self.starts[-1] + len(rows))

    def finish(self) -> None:
        """Write the header again, now with the number of rows; numpy reserves the space for it."""
        self._stream.seek(0)
        self._header()
        assert self._stream.tell() == self._offset
        self._stream.seek(0, os.SEEK_END)

    def _header(self) -> None:
        shape = (self.starts[-1], self._spec.dim)
        descr = np.lib.format.dtype_to_descr(np.dtype(self._spec.dtype))
        np.lib.format.write_array_header_1_0(
            self._stream, {"descr": descr, "fortran_order": False, "shape": shape}
        )
