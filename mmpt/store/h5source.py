"""Features in an HDF5 file: a dataset ``<id>`` (rows, D), or a group ``<id>`` with such datasets."""

import os
from typing import Any

import numpy as np

from mmpt.errors import DataError
from mmpt.store.sources import OneFile, as_rows, choose_array, rows_shape
from mmpt.utils.files import unreadable
from mmpt.utils.optional import require

__all__ = ["Hdf5Source"]


class Hdf5Source(OneFile):
    """Features of an HDF5 file; see :class:`mmpt.store.sources.FeatureSource`.

    Args:
        path: The file.
        key: Which dataset, where a video is a group of several.

    Raises:
        DataError: If the file cannot be read or is no HDF5 file.
        MissingDependencyError: If h5py is not installed.
    """

    def __init__(self, path: str | os.PathLike[str], key: str | None = None) -> None:
        super().__init__(path, key)
        self._h5 = require("h5py", "convert", "read HDF5 files")
        try:
            self._file = self._h5.File(self._path, "r")
        except FileNotFoundError as error:
            raise unreadable(path, error) from error
        except OSError as error:
            raise DataError(f"The file {path} is not a readable HDF5 file ({error}).") from error

    def _names(self) -> list[str]:
        return sorted(self._file)

    def shape(self, video_id: str) -> tuple[int, int]:
        """Return (rows, D) without reading the numbers."""
        dataset = self._dataset(video_id)
        return rows_shape(dataset.shape or (), dataset.dtype, self._where(video_id))

    def read(self, video_id: str) -> np.ndarray:
        """Return the features, (rows, D)."""
        try:
            array = self._dataset(video_id)[()]
        except OSError as error:
            raise DataError(f"{self._where(video_id)} cannot be read ({error}).") from error
        return as_rows(np.asarray(array), self._where(video_id))

    def _dataset(self, video_id: str) -> Any:
        try:
            found = self._file[video_id]
        except KeyError as error:
            raise DataError(f"{self._where(video_id)} does not exist.") from error
        if isinstance(found, self._h5.Group):
            datasets = {name: each for name, each in found.items() if isinstance(each, self._h5.Dataset)}
            found = choose_array(datasets, self._key, self._where(video_id))
        return found

    def _where(self, video_id: str) -> str:
        return f"The entry '{video_id}' of {self._path}"
