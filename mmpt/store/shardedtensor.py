"""ShardedTensor: many arrays of different length in one, as stored in a shard.

``data`` holds the rows of all items one after the other; item i is ``data[starts[i]:starts[i+1]]``.
On disk that is ``<path>_data.npy`` and ``<path>_starts.npy``.
"""

import os
from collections.abc import Iterator, Sequence

import numpy as np

from mmpt.errors import DataError
from mmpt.store.npyfile import read_array
from mmpt.utils.files import atomic_write

__all__ = ["ShardedTensor", "check_starts"]


class ShardedTensor:
    """Items of different length over one array of rows.

    Args:
        data: Rows of all items, shape (rows, ...).
        starts: First row of every item and, last, the number of rows; int64 of length items + 1.

    Raises:
        DataError: If ``starts`` does not fit ``data``.
    """

    def __init__(self, data: np.ndarray, starts: np.ndarray) -> None:
        check_starts(starts, len(data), "a ShardedTensor")
        self.data = data
        self.starts = starts

    @classmethod
    def from_list(cls, items: Sequence[np.ndarray]) -> "ShardedTensor":
        """Join arrays that agree in everything but their length.

        Raises:
            DataError: If the list is empty or the arrays differ in width or dtype.
        """
        if not items:
            raise DataError("A ShardedTensor cannot be made of an empty list: the width of a row is unknown.")
        kinds = sorted({f"{item.dtype} (..., {', '.join(map(str, item.shape[1:]))})" for item in items})
        if len(kinds) > 1:
            raise DataError(f"The items of a ShardedTensor must agree in dtype and width; given: {kinds}.")
        starts = np.zeros(len(items) + 1, dtype=np.int64)
        np.cumsum([len(item) for item in items], out=starts[1:])
        return cls(np.concatenate(items), starts)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, index: int) -> np.ndarray:
        if not -len(self) <= index < len(self):
            raise IndexError(f"Item {index} of a ShardedTensor of {len(self)} items.")
        index %= len(self)
        return self.data[self.starts[index] : self.starts[index + 1]]

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[index] for index in range(len(self)))

    def lengths(self) -> np.ndarray:
        """Return the number of rows of every item, int64 (items,)."""
        return np.diff(self.starts)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write ``<path>_data.npy`` and ``<path>_starts.npy``, each atomically."""
        for name, array in (("data", self.data), ("starts", self.starts)):
            with atomic_write(f"{os.fspath(path)}_{name}.npy") as stream:
                np.save(stream, np.ascontiguousarray(array), allow_pickle=False)

    @classmethod
    def load(cls, path: str | os.PathLike[str], mmap_mode: str | None = None) -> "ShardedTensor":
        """Read what :meth:`save` wrote.

        Args:
            path: The common part of the two file names.
            mmap_mode: None reads all rows; ``"r"`` maps them, so that only touched rows are read.

        Raises:
            DataError: If a file is missing, truncated or foreign, or the two do not belong together.
        """
        path = os.fspath(path)
        data, starts = read_array(f"{path}_data.npy", mmap_mode), read_array(f"{path}_starts.npy")
        check_starts(starts, len(data), f"the shard {path}")
        return cls(data, starts)


def check_starts(starts: np.ndarray, rows: int, where: str) -> None:
    """Check that ``starts`` cuts ``rows`` rows into items.

    Raises:
        DataError: If it does not, naming ``where``.
    """
    if starts.ndim != 1 or len(starts) < 1 or not np.issubdtype(starts.dtype, np.integer):
        raise DataError(
            f"The starts of {where} are a {starts.dtype} array of shape {starts.shape}; "
            "a list of whole numbers is expected."
        )
    if starts[0] != 0 or starts[-1] != rows or (starts[1:] < starts[:-1]).any():
        raise DataError(
            f"The starts of {where} run from {starts[0]} to {starts[-1]} over {rows} rows of data; "
            f"they must begin at 0, never fall and end at {rows}. The two files do not belong together."
        )
