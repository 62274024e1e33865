"""One ``.npy`` file, checked before it is used.

Comes in: a path. Goes out: its dtype, shape and where the data begin; or an error that says how
many bytes were expected. Pickled (object) arrays are refused, so reading never runs code.
"""

import os
from tokenize import TokenError
from typing import NamedTuple

import numpy as np

from mmpt.errors import DataError
from mmpt.utils.files import unreadable

__all__ = ["NpyHeader", "read_array", "read_header"]

_HEADER_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


class NpyHeader(NamedTuple):
    """What a ``.npy`` file says about itself."""

    shape: tuple[int, ...]
    dtype: np.dtype
    offset: int
    """Bytes before the data."""

    @property
    def row_bytes(self) -> int:
        """Bytes of one row (one index of the first axis)."""
        return int(np.prod(self.shape[1:], dtype=np.int64)) * self.dtype.itemsize


def read_header(path: str | os.PathLike[str]) -> NpyHeader:
    """Read the header of a ``.npy`` file and check the file's size against it.

    Raises:
        DataError: If the file is missing, is no C-ordered ``.npy`` array of numbers with at least
            one axis, or is shorter or longer than its header says.
    """
    try:
        with open(path, "rb") as stream:
            version = np.lib.format.read_magic(stream)
            if version not in _HEADER_READERS:
                raise ValueError(f"its format version is {version}; known are {list(_HEADER_READERS)}")
            shape, fortran_order, dtype = _HEADER_READERS[version](stream)
            offset = stream.tell()
            size = os.fstat(stream.fileno()).st_size
    except OSError as error:
        raise unreadable(path, error) from error
    # numpy reads a header as Python text, and a damaged one can fail there in nearly any way.
    except (ValueError, TypeError, KeyError, SyntaxError, TokenError, MemoryError, RecursionError) as error:
        raise DataError(
            f"The file {path} is not a readable .npy file ({error}). Make or copy it again."
        ) from error
    if dtype.kind not in "biuf" or (fortran_order and len(shape) > 1) or not shape:
        raise DataError(
            f"The file {path} holds a {dtype} array of shape {shape} "
            f"({'Fortran' if fortran_order else 'C'} order); rows of plain numbers in C order are expected. "
            "Save it again with numpy.save."
        )
    header = NpyHeader(shape, dtype, offset)
    expected = offset + shape[0] * header.row_bytes
    if size != expected:
        fault = "is truncated" if size < expected else "has bytes too many"
        raise DataError(
            f"The file {path} {fault}: its header says {dtype} {shape}, which takes {expected} bytes, "
            f"and it has {size}. Make or copy it again."
        )
    return header


def read_array(path: str | os.PathLike[str], mmap_mode: str | None = None) -> np.ndarray:
    """Read a ``.npy`` file after checking it, or map it into memory.

    Args:
        path: The file.
        mmap_mode: None to read it all, ``"r"`` to map it read-only.

    Raises:
        DataError: As :func:`read_header`.
    """
    read_header(path)
    if mmap_mode not in (None, "r"):
        raise DataError(f"mmap_mode '{mmap_mode}' for {path} is not known; allowed are None and 'r'.")
    return np.load(path, mmap_mode="r" if mmap_mode else None, allow_pickle=False)
