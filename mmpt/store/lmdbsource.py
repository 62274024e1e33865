"""Features in an LMDB: one record per video id.

A record is what ``numpy.save`` or ``numpy.savez`` writes, or a msgpack dictionary of arrays (HERO,
VALUE), each also within an lz4 frame. Pickles are refused: they can run code.
"""

import io
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from mmpt.errors import DataError
from mmpt.store.sources import OneFile, as_rows, choose_array, read_npz
from mmpt.utils.optional import require

__all__ = ["LmdbSource"]

_NPY, _ZIP, _LZ4, _PICKLE = b"\x93NUMPY", b"PK\x03\x04", b"\x04\x22\x4d\x18", b"\x80"
_LIST_OF_KEYS = "__keys__"


class LmdbSource(OneFile):
    """Features of an LMDB; see :class:`mmpt.store.sources.FeatureSource`.

    Args:
        path: The folder with ``data.mdb``, or the file.
        key: Which array, where a record holds several.

    Raises:
        DataError: If there is no readable LMDB.
        MissingDependencyError: If lmdb is not installed.
    """

    def __init__(self, path: str | os.PathLike[str], key: str | None = None) -> None:
        super().__init__(path, key)
        lmdb = require("lmdb", "convert", "read LMDB files")
        try:
            # Without a lock file and read-only, so that the data set may stand where nobody writes.
            self._environment = lmdb.open(
                self._path, readonly=True, lock=False, readahead=False, subdir=os.path.isdir(path)
            )
        except lmdb.Error as error:
            raise DataError(f"{path} is not a readable LMDB ({error}).") from error

    def _names(self) -> list[str]:
        with self._environment.begin() as transaction:
            keys = map(bytes, transaction.cursor().iternext(values=False))
            try:
                return [name for key in keys if (name := key.decode()) != _LIST_OF_KEYS]
            except UnicodeDecodeError as error:
                raise DataError(
                    f"The LMDB {self._path} has a key that is no text ({error.object!r:.40}); "
                    "ids of videos are expected."
                ) from error

    def shape(self, video_id: str) -> tuple[int, int]:
        """Return (rows, D); the record is read and decoded for it."""
        rows, width = self.read(video_id).shape
        return rows, width

    def read(self, video_id: str) -> np.ndarray:
        """Return the features, (rows, D)."""
        where = f"The record '{video_id}' of {self._path}"
        with self._environment.begin() as transaction:
            record = transaction.get(video_id.encode())
        if record is None:
            raise DataError(f"{where} does not exist.")
        return as_rows(_decoded(record, self._key, where), where)


def _decoded(record: bytes, key: str | None, where: str) -> np.ndarray:
    if record.startswith(_LZ4):
        lz4 = require("lz4.frame", "convert", "read compressed records")
        try:
            record = lz4.decompress(record)
        except RuntimeError as error:
            raise DataError(f"{where} is damaged ({error}).") from error
    if record.startswith(_ZIP):
        return read_npz(io.BytesIO(record), key, where)
    if record.startswith(_NPY):
        try:
            return np.load(io.BytesIO(record), allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise DataError(f"{where} is not a readable array ({error}).") from error
    if record.startswith(_PICKLE) and record.endswith(b"."):
        raise DataError(
            f"{where} is a pickle, which can run code and is not read. Convert the LMDB where you trust it: "
            "write each array with numpy.save."
        )
    return _unpacked(record, key, where)


def _unpacked(record: bytes, key: str | None, where: str) -> np.ndarray:
    msgpack = require("msgpack", "convert", "read msgpack records")
    try:
        content = msgpack.unpackb(record, object_hook=_array, strict_map_key=False)
    except (ValueError, TypeError, KeyError, msgpack.exceptions.UnpackException) as error:
        raise DataError(
            f"{where} is neither npy, npz nor msgpack ({type(error).__name__}: {error}); "
            "convert it with a few lines of your own to one .npy file per video."
        ) from error
    if isinstance(content, Mapping):
        arrays = {name: each for name, each in content.items() if isinstance(each, np.ndarray)}
        content = choose_array(arrays, key, where)
    if not isinstance(content, np.ndarray):
        raise DataError(f"{where} holds a {type(content).__name__}; an array is expected.")
    return content


def _array(value: dict[Any, Any]) -> Any:
    """Return the array that msgpack-numpy made this dictionary of; any other dictionary as it is."""
    fields = {name.decode() if isinstance(name, bytes) else name: each for name, each in value.items()}
    if fields.get("nd") is not True:
        return value
    kind = fields["type"]
    dtype = np.dtype(kind.decode() if isinstance(kind, bytes) else kind)
    return np.frombuffer(fields["data"], dtype).reshape(fields["shape"])
