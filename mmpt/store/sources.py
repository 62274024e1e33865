"""Features of videos as other projects ship them, behind one interface.

===============  ==============================================================================
folder           one file per video, named by its id: ``.npy``, ``.npz``, ``.pt`` or ``.pth``
``.h5 .hdf5``    one dataset, or one group with datasets, per video (:mod:`mmpt.store.h5source`)
LMDB             one record per video: npy, npz, msgpack, also lz4 (:mod:`mmpt.store.lmdbsource`)
===============  ==============================================================================

Comes in: a path. Goes out: rows (rows, D) by video id. No format is read in a way that runs code.
"""

import os
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from textwrap import shorten
from typing import Any, Protocol

import numpy as np

from mmpt.errors import DataError
from mmpt.store.npyfile import read_array, read_header
from mmpt.utils.files import read_json, unreadable

__all__ = [
    "SETTINGS_NAME",
    "FeatureFolder",
    "FeatureSource",
    "OneFile",
    "as_rows",
    "choose_array",
    "open_features",
    "read_npz",
    "read_settings",
    "rows_shape",
]

SETTINGS_NAME = "extraction.json"
_SUFFIXES = (".npy", ".npz", ".pt", ".pth")
_HDF5 = (".h5", ".hdf5", ".he5")


class FeatureSource(Protocol):
    """Features of many videos, read from several threads; as text it is its path."""

    def __iter__(self) -> Iterator[str]:
        """Yield the ids of the videos, in a fixed order."""

    def __contains__(self, video_id: object) -> bool:
        """Return whether there is something under this id, usable or not."""

    def shape(self, video_id: str) -> tuple[int, int]:
        """Return (rows, D), without reading the numbers where the format allows.

        Raises:
            DataError: If the features cannot be used.
        """

    def read(self, video_id: str) -> np.ndarray:
        """Return the features, (rows, D).

        Raises:
            DataError: If they cannot be used.
        """

    def settings(self) -> dict[str, Any]:
        """Return how the features were made, as far as is known."""


def open_features(path: str | os.PathLike[str], key: str | None = None) -> FeatureSource:
    """Return the source of a folder of files, an HDF5 file or an LMDB.

    Args:
        path: The folder or file.
        key: Which array, where several are stored of a video.

    Raises:
        DataError: If there is no such file, or it is of no known kind.
        MissingDependencyError: If the package that reads it is not installed.
    """
    path = Path(path)
    if path.suffix in (".lmdb", ".mdb") or (path / "data.mdb").exists():
        from mmpt.store.lmdbsource import LmdbSource

        return LmdbSource(path, key)
    if path.is_dir():
        return FeatureFolder(path, key)
    if path.suffix in _HDF5:
        from mmpt.store.h5source import Hdf5Source

        return Hdf5Source(path, key)
    raise DataError(
        f"{path} holds no features that mmpt reads: a folder of {', '.join(_SUFFIXES)} files, an HDF5 file "
        f"({', '.join(_HDF5)}) or an LMDB is expected. Check the path."
    )


def read_settings(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what ``extraction.json`` says of the features in a folder; nothing if there is none.

    Raises:
        DataError: If the file is damaged or foreign.
    """
    path = Path(folder) / SETTINGS_NAME
    settings = read_json(path) if path.exists() else {}
    if not isinstance(settings, dict):
        raise DataError(f"The file {path} does not hold the settings of an extraction: {settings!r:.80}.")
    return settings


def as_rows(array: np.ndarray, where: str) -> np.ndarray:
    """Return features as (rows, D): axes of length 1 are left out, one vector is one row.

    Raises:
        DataError: If more than two axes are left, or it is no array of numbers; ``where`` is named.
    """
    shape = rows_shape(array.shape, array.dtype, where)
    return array.reshape(shape)


def rows_shape(shape: tuple[int, ...], dtype: np.dtype, where: str) -> tuple[int, int]:
    """Return the shape that :func:`as_rows` gives an array.

    Raises:
        DataError: As :func:`as_rows`.
    """
    if len(shape) == 2 and dtype.kind in "biuf":
        return shape
    *before, width = shape or (0,)
    rows = [length for length in before if length != 1]
    if len(shape) > 2 and width == 1:  # (rows, D, 1, 1): what pooling leaves
        *rows, width = [length for length in shape if length != 1] or [1]
    if dtype.kind not in "biuf" or len(rows) > 1 or not shape:
        raise DataError(
            f"{where} is a {dtype} array of shape {shape}; numbers of shape (rows, D) are expected."
        )
    return (rows[0] if rows else 1), width


def choose_array(arrays: Mapping[Any, Any], key: str | None, where: str) -> Any:
    """Return the array named ``key``, or the only one.

    Raises:
        DataError: If there is none of that name, or several and no name is given.
    """
    names = sorted(map(str, arrays))
    if key is None and len(arrays) == 1:
        return next(iter(arrays.values()))
    found = next((array for name, array in arrays.items() if str(name) == key), None)
    if found is None:
        wanted = f"none is named '{key}'" if key is not None else "say which with --key"
        raise DataError(f"{where} holds the arrays {', '.join(names) or '(none)'}; {wanted}.")
    return found


def read_npz(file: Any, key: str | None, where: str) -> np.ndarray:
    """Return one array of an ``.npz`` file, a path or a stream.

    Raises:
        DataError: If it is damaged, or the array cannot be chosen.
    """
    try:
        with np.load(file, allow_pickle=False) as arrays:
            names = {name: name for name in arrays.files}
            return arrays[choose_array(names, key, where)]
    except (ValueError, EOFError, zipfile.BadZipFile, zipfile.LargeZipFile, KeyError) as error:
        raise DataError(f"{where} is not a readable .npz file ({error}). Make or copy it again.") from error


class OneFile(ABC):
    """What the sources share that hold all videos in one file.

    Args:
        path: The file.
        key: Which array, where several are stored of a video.
    """

    def __init__(self, path: str | os.PathLike[str], key: str | None = None) -> None:
        self._path, self._key = os.fspath(path), key

    @abstractmethod
    def _names(self) -> Iterable[str]:
        """Return the ids in the file."""

    @cached_property
    def _ids(self) -> dict[str, None]:
        return dict.fromkeys(self._names())

    def __str__(self) -> str:
        return self._path

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __contains__(self, video_id: object) -> bool:
        return video_id in self._ids

    def settings(self) -> dict[str, Any]:
        """Return nothing: such a file does not say how its features were made."""
        return {}


@dataclass(frozen=True)
class FeatureFolder:
    """A folder with one file per video; of several files of an id, the first kind named above counts."""

    folder: Path
    key: str | None = None

    def __str__(self) -> str:
        return str(self.folder)

    def __iter__(self) -> Iterator[str]:
        files = sorted(entry.name for entry in os.scandir(self.folder) if entry.is_file())
        ids = (Path(name).stem for name in files if name[0] != "." and Path(name).suffix in _SUFFIXES)
        return iter(dict.fromkeys(ids))

    def __contains__(self, video_id: object) -> bool:
        return isinstance(video_id, str) and os.path.exists(self._path(video_id))

    def shape(self, video_id: str) -> tuple[int, int]:
        """Return (rows, D); of ``.npy`` from the header alone."""
        path = self._path(video_id)
        if path.suffix != ".npy":
            rows, width = self.read(video_id).shape
            return rows, width
        header = read_header(path)
        return rows_shape(header.shape, header.dtype, f"The file {path}")

    def read(self, video_id: str) -> np.ndarray:
        """Return the features, (rows, D)."""
        path = self._path(video_id)
        where = f"The file {path}"
        if path.suffix == ".npy":
            return as_rows(read_array(path), where)
        try:
            array = (
                read_npz(path, self.key, where)
                if path.suffix == ".npz"
                else _read_tensor(path, self.key, where)
            )
        except OSError as error:
            raise unreadable(path, error) from error
        return as_rows(array, where)

    def settings(self) -> dict[str, Any]:
        """Return what ``extraction.json`` says, see :func:`read_settings`."""
        return read_settings(self.folder)

    def _path(self, video_id: str) -> Path:
        paths = [self.folder / f"{video_id}{suffix}" for suffix in _SUFFIXES]
        # os.path: an id that is too long for a file's name is one without features, and no error.
        return next(filter(os.path.exists, paths), paths[0])


def _read_tensor(path: Path, key: str | None, where: str) -> np.ndarray:
    """Return a tensor that ``torch.save`` wrote, alone or in a dictionary."""
    import pickle

    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, AttributeError, KeyError) as error:
        raise DataError(
            f"{where} is not a readable tensor file, or holds more than tensors and plain containers, "
            f"which can run code ({type(error).__name__}: {shorten(str(error), 100, placeholder=' ...')})."
        ) from error
    if isinstance(content, Mapping):
        content = choose_array(content, key, where)
    if not isinstance(content, torch.Tensor):
        raise DataError(f"{where} holds a {type(content).__name__}; a tensor is expected.")
    content = content.detach()
    return (content.float() if content.dtype == torch.bfloat16 else content).numpy()
