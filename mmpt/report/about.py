"""What people say of a run: ``<run>/about.json``, which nobody has to write.

It gives the page of the run a title and a few sentences, and examples of what the model finds; all keys
may be absent::

    {"title": "VideoCLIP on the demo world", "summary": "Trained on ...", "limits": "The encoder is ...",
     "facts": {"training videos": "400"}, "hashes": {"video encoder": "0816a4..."},
     "queries": [{"text": "somebody slices an onion", "hits": [{"video_id": "v1", "start": 3, "end": 7,
                  "score": 0.9, "video": "data/videos/v1.mp4", "note": "slices an onion", "correct": true}]}]}
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from mmpt.errors import DataError
from mmpt.utils.files import read_json, write_json

__all__ = ["ABOUT_FILE", "About", "Hit", "Query", "read_about", "write_about"]

ABOUT_FILE = "about.json"


@dataclass(frozen=True)
class Hit:
    """A moment, or a whole video, that was found for a text."""

    video_id: str
    start: float | None
    """Seconds; None for a whole video."""
    end: float | None
    score: float
    video: str | None = None
    """The video file, where known."""
    note: str | None = None
    """What really happens there, or is written of it, where known."""
    correct: bool | None = None
    """Whether it is what was asked for, where known."""


@dataclass(frozen=True)
class Query:
    """A text and what was found for it, best first."""

    text: str
    hits: Sequence[Hit]
    verdict: str = ""
    """How well that went."""


@dataclass(frozen=True)
class About:
    """What is said of a run."""

    title: str = ""
    summary: str = ""
    limits: str = ""
    """What keeps the result from being better, in plain words."""
    facts: Mapping[str, str] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    """What it was made with -> hexadecimal digest."""
    queries: Sequence[Query] = ()


def read_about(path: str | os.PathLike[str]) -> About:
    """Read what is said of a run.

    Raises:
        DataError: If the file cannot be read, or has other keys.
    """
    values = read_json(path)
    try:
        queries = [
            Query(**{**query, "hits": [Hit(**hit) for hit in query["hits"]]})
            for query in values.get("queries", [])
        ]
        return About(**{**values, "queries": queries})
    except (AttributeError, KeyError, TypeError) as error:
        raise DataError(
            f"The file {path} has other keys than those of a run's {ABOUT_FILE}: {error}."
        ) from error


def write_about(path: str | os.PathLike[str], about: About) -> None:
    """Write what :func:`read_about` reads, atomically."""
    write_json(path, asdict(about))
