"""The file of COIN (Tang et al., CVPR 2019).

``COIN.json`` holds ``database.<video>.{subset, annotation: [{id, label, segment}, ...]}``; ``subset`` is
``training`` or ``testing``, ``id`` the class of the action, from 1, ``label`` its name, ``segment`` its
start and end in seconds. Class 0 is the background, "O"; with COIN's 778 actions there are 779 classes.
"""

from functools import lru_cache
from typing import Any, NamedTuple

from mmpt.errors import DataError
from mmpt.processors.textfiles import seconds_of, text_of
from mmpt.utils.files import read_json

__all__ = ["BACKGROUND", "Segment", "read_coin", "read_labels"]

BACKGROUND = 0
"""Class of the seconds without an action."""

_BACKGROUND_NAME = "O"
_SUBSETS = ("training", "testing")


class Segment(NamedTuple):
    """An action in a video."""

    start: float
    """Seconds."""
    end: float
    """Seconds."""
    label: int
    """Class, from 1."""


class _Contents(NamedTuple):
    subsets: dict[str, dict[str, tuple[Segment, ...]]]
    names: dict[str, dict[int, str]]


def read_coin(path: str) -> dict[str, dict[str, tuple[Segment, ...]]]:
    """Read the annotations: subset -> video id -> its segments in the order of the file.

    Raises:
        DataError: If the file is missing or of another form, or a segment is malformed.
    """
    return _read(path).subsets


def read_labels(path: str) -> tuple[str, ...]:
    """Read the names of the classes; position 0 is the background, "O".

    A name comes from the subset ``testing``, or else from ``training``. A class below the highest
    one that no video shows has the name "": it keeps its place, and nothing should be assigned to it.

    Raises:
        DataError: If the file is missing or of another form, or a segment is malformed.
    """
    names = {**_read(path).names["training"], **_read(path).names["testing"], BACKGROUND: _BACKGROUND_NAME}
    return tuple(names.get(label, "") for label in range(max(names) + 1))


@lru_cache(maxsize=2)
def _read(path: str) -> _Contents:
    content = read_json(path)
    if not isinstance(content, dict) or not isinstance(content.get("database"), dict):
        raise DataError(f"The file {path} has no 'database'; the annotations of COIN are expected.")
    contents = _Contents({subset: {} for subset in _SUBSETS}, {subset: {} for subset in _SUBSETS})
    for video, entry in content["database"].items():
        where = f"video '{video}' of {path}"
        if not isinstance(entry, dict) or entry.get("subset") not in _SUBSETS:
            raise DataError(f"The subset of {where} is not one of {', '.join(_SUBSETS)}: {str(entry)[:80]}")
        if not isinstance(entry.get("annotation"), list):
            raise DataError(f"There is no list 'annotation' in {where}.")
        names = contents.names[entry["subset"]]
        contents.subsets[entry["subset"]][video] = tuple(
            _segment(each, f"segment {number} of {where}", names)
            for number, each in enumerate(entry["annotation"])
        )
    return contents


def _segment(entry: Any, where: str, names: dict[int, str]) -> Segment:
    """Return a segment and enter the name of its class in ``names`` if it is not there."""
    if not isinstance(entry, dict) or not {"id", "label", "segment"} <= entry.keys():
        raise DataError(f"The {where} is {entry!r}; it needs 'id', 'label' and 'segment'.")
    if not str(entry["id"]).isdecimal() or int(entry["id"]) == BACKGROUND:
        raise DataError(f"The id of {where} is {entry['id']!r}; a class from 1 is expected.")
    span = entry["segment"]
    if not isinstance(span, list) or len(span) != 2:
        raise DataError(f"The {where} has the times {span!r}; [start, end] in seconds is expected.")
    start, end = seconds_of(span[0], "start", where), seconds_of(span[1], "end", where)
    if not 0 <= start <= end:
        raise DataError(f"The {where} runs from {start} to {end}; 0 <= start <= end is expected.")
    names.setdefault(int(entry["id"]), text_of(entry["label"], where))
    return Segment(start, end, int(entry["id"]))
