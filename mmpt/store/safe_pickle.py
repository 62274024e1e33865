"""Reading the pickles of the original toolkit without ever running what is in them.

A pickle may name any function and have it called. Ours may hold dictionaries, lists, tuples, sets,
text, bytes, numbers, booleans and None; anything else is refused before it is looked up. Arrays of numpy
(YouCook2's pickles carry features of other networks) are read over: numpy is not called, and
:class:`UnreadArray` stands where they were.
"""

import os
import pickle
from collections import OrderedDict, defaultdict
from typing import Any

from mmpt.errors import DataError
from mmpt.utils.files import unreadable

__all__ = ["UnreadArray", "read_pickle"]


class UnreadArray:
    """Stands where a pickle holds an array, a number or a type of numpy; what it held is gone."""

    def __init__(self, *_: Any) -> None:
        """Take what numpy would be called with, and forget it."""

    def __setstate__(self, _: Any) -> None:
        """Forget the contents."""


def _latin1(text: str, encoding: str) -> bytes:
    if encoding not in ("latin1", "latin-1"):
        raise _RefusedError(f"_codecs.encode to {encoding}")
    return text.encode("latin1")


_NUMPY = {
    *(("numpy", name) for name in ("ndarray", "dtype")),
    *(
        (f"numpy.{core}.multiarray", name)
        for core in ("core", "_core")
        for name in ("_reconstruct", "scalar")
    ),
    *((f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")),
}

_ALLOWED: dict[tuple[str, str], type] = {
    ("builtins", "set"): set,
    ("builtins", "frozenset"): frozenset,
    ("__builtin__", "set"): set,
    ("__builtin__", "frozenset"): frozenset,
    ("collections", "OrderedDict"): OrderedDict,
    ("collections", "defaultdict"): defaultdict,
    ("builtins", "list"): list,
    ("builtins", "dict"): dict,
    ("builtins", "int"): int,
}


def read_pickle(path: str | os.PathLike[str]) -> Any:
    """Read a pickle of plain containers.

    Raises:
        DataError: If the file cannot be opened, is no whole pickle, or names anything but a plain
            container; the refused name is in the message and is not imported.
    """
    try:
        with open(path, "rb") as stream:
            return _PlainUnpickler(stream).load()
    except OSError as error:
        raise unreadable(path, error) from error
    except _RefusedError as error:
        raise DataError(
            f"The pickle {path} asks for '{error}', and pickles may hold plain containers, text and numbers "
            "only, because anything else can run code. Nothing was run. Get the data as JSON, or "
            "convert the file where you trust it."
        ) from error
    # A damaged pickle can fail in the unpickler in nearly any way.
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise DataError(
            f"The file {path} is not a readable pickle ({error}); it may be truncated."
        ) from error
    except (OverflowError, MemoryError, RecursionError) as error:
        raise DataError(f"The file {path} is not a sane pickle ({type(error).__name__}).") from error


class _RefusedError(Exception):
    """A global that is not allowed; its text is the name."""


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _NUMPY:
            return UnreadArray
        if (module, name) == ("_codecs", "encode"):  # how protocol 2 writes bytes
            return _latin1
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise _RefusedError(f"{module}.{name}") from None

    def persistent_load(self, pid: Any) -> Any:
        raise _RefusedError(f"persistent object {pid!r}")
