"""Captions of a video: what they are, cleaning, and removing the repeats of rolling subtitles.

Automatic subtitles scroll: a caption often begins with the end of the one before. The functions
here are pure; files are read and written in ``mmpt.store.caption_files`` and ``mmpt.store.caption_writer``.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from mmpt.errors import DataError

__all__ = [
    "MAX_CHARACTERS",
    "Caption",
    "DedupStats",
    "clean_captions",
    "dedup_captions",
    "longest_overlap",
    "to_columns",
    "video_generator",
]

_NO_TIME = 1e9
"""Seconds; no video lasts 30 years."""
_NUMBER = (int, float)

MAX_CHARACTERS = 96
"""Characters of a caption that are tokenised; bounds the memory of subtitles without sentence breaks."""


class Caption(NamedTuple):
    """One line of narration."""

    start: float
    """Seconds from the beginning of the video."""
    end: float
    """Seconds from the beginning of the video."""
    text: str
    """One line of text, not empty."""


@dataclass(frozen=True)
class DedupStats:
    """What became of captions: ``captions_in == captions_out + dropped + merged``."""

    videos: int = 0
    captions_in: int = 0
    captions_out: int = 0
    dropped: int = 0
    """Without text (empty, or NaN instead of a string), without finite times, or ended before they start."""
    merged: int = 0
    """Repeats of a neighbour, or contained in it, so that one caption was left of two."""
    trimmed: int = 0
    """Lost the words that they shared with a neighbour."""

    def __add__(self, other: "DedupStats") -> "DedupStats":
        mine, its = vars(self), vars(other)
        return DedupStats(**{name: mine[name] + its[name] for name in mine})


def video_generator(seed: int, video_id: str) -> np.random.Generator:
    """Return the random generator of one video, independent of the order of videos."""
    digest = hashlib.sha256(video_id.encode()).digest()
    return np.random.default_rng((seed, int.from_bytes(digest[:8], "little")))


def clean_captions(
    video_id: str, columns: Mapping[str, Sequence[Any]], path: str | os.PathLike[str] | None = None
) -> list[Caption]:
    """Return the usable captions of ``{"start": [...], "end": [...], "text": [...]}``.

    Line breaks become spaces. Captions without text or without sound times are left out.

    Args:
        video_id: Named in errors.
        columns: Three lists of one length; a text may be NaN, as in the files of HowTo100M.
        path: Their file, named in errors.

    Raises:
        DataError: If a list is missing or they differ in length.
    """
    lists = [columns.get(name) if isinstance(columns, Mapping) else None for name in ("start", "end", "text")]
    lengths = [len(values) if isinstance(values, list) else "no list" for values in lists]
    if "no list" in lengths or len(set(lengths)) > 1:
        place = f" in {path}" if path else ""
        raise DataError(
            f"The captions of the video '{video_id}'{place} need lists 'start', 'end' and 'text' of one "
            f"length; their lengths are {lengths[0]}, {lengths[1]} and {lengths[2]}. Repair them."
        )
    return [
        Caption(start, end, line.replace("\n", " "))
        for start, end, text in zip(*(values or [] for values in lists), strict=True)
        if isinstance(text, str) and (line := text.strip())
        if isinstance(start, _NUMBER) and isinstance(end, _NUMBER)
        if -_NO_TIME < start <= end < _NO_TIME  # false for NaN, too
    ]


def to_columns(captions: Sequence[Caption]) -> dict[str, list[Any]]:
    """Return ``{"start": [...], "end": [...], "text": [...]}``."""
    return {
        "start": [caption.start for caption in captions],
        "end": [caption.end for caption in captions],
        "text": [caption.text for caption in captions],
    }


def dedup_captions(captions: Sequence[Caption], rng: np.random.Generator) -> tuple[list[Caption], DedupStats]:
    """Remove what neighbouring captions repeat.

    For each caption and the one before it, with the longest overlap of whole words (end of the one
    before, beginning of this one): if that is all of this caption, it is merged into the one before;
    if it is all of the one before, this caption takes its place; otherwise the shared words go to one
    of the two at random. Merging keeps the earlier start and the later end. The time taken is linear
    in the number of words.

    Args:
        captions: Captions in their order, as from :func:`clean_captions`; not changed.
        rng: Decides to which of two captions a partial overlap goes.
    """
    kept: list[Caption] = []
    old: list[str] = []
    """Words of the last caption that was kept."""
    merged = trimmed = 0
    for caption in captions:
        new = caption.text.split()
        overlap = longest_overlap(old, new)
        if overlap == 0:
            kept.append(caption)
        elif overlap in (len(old), len(new)):
            merged += 1
            last = kept[-1]
            if overlap == len(new):
                caption, new = caption._replace(text=last.text), old
            kept[-1] = Caption(min(last.start, caption.start), max(last.end, caption.end), caption.text)
        else:
            trimmed += 1
            if rng.integers(2):
                kept[-1] = kept[-1]._replace(text=" ".join(old[:-overlap]))
            else:
                new = new[overlap:]
                caption = caption._replace(text=" ".join(new))
            kept.append(caption)
        old = new
    stats = DedupStats(1, len(captions), len(kept), merged=merged, trimmed=trimmed)
    return kept, stats


def longest_overlap(old: Sequence[str], new: Sequence[str]) -> int:
    """Return the largest k such that the last k words of ``old`` are the first k of ``new``.

    The prefix function of Knuth, Morris and Pratt over ``new``, run along ``old``: linear time.
    """
    tail = old[-len(new) :] if new else []
    # Most neighbours share nothing, which looking for one word tells ten times faster.
    if not tail or new[0] not in tail or tail[-1] not in new:
        return 0
    borders = [0] * len(new)
    matched = 0
    for position in range(1, len(new)):
        while matched and new[position] != new[matched]:
            matched = borders[matched - 1]
        matched += new[position] == new[matched]
        borders[position] = matched
    matched = 0
    for word in tail:
        while matched and word != new[matched]:
            matched = borders[matched - 1]
        matched += word == new[matched]
    return matched
