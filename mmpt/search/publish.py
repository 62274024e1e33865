"""The next state of an index: files of segments first, then the manifest that names them.

Segments stay few: a new one takes in those before it that are not more than twice as large, up to
:data:`MOST_SECONDS`, and those of which more than half has been removed. So each vector is copied a few
times at most, whether videos come one by one or all at once.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import torch

from mmpt.models import MMPTModel
from mmpt.search.guess import Guess, has_faiss
from mmpt.search.index import Index
from mmpt.search.manifest import FileRecord
from mmpt.search.reference import MOST_ROWS, MOST_VIDEOS, Reference
from mmpt.search.segment import SEGMENTS, Segment, VideoVectors, remove_unused, write_segment
from mmpt.utils.progress import progress

__all__ = ["EXACT_UP_TO", "MOST_SECONDS", "publish", "publish_guesses"]

MOST_SECONDS = 1 << 18
"""Of a segment that others are copied into; bounds the memory that takes: 400 MB of width 768."""
EXACT_UP_TO = 1_000_000
"""Seconds of an index that are all looked at for each query."""


def publish(index: Index, videos: Sequence[VideoVectors], gone: Collection[str], model: MMPTModel) -> Index:
    """Write the next state of an index and return it; only the one writer of an index may do so.

    Args:
        index: The state now.
        videos: To be added; those whose ids are in the index replace them.
        gone: Ids of videos to take out.
        model: Encodes the sentences of the reference.
    """
    if videos or gone:
        out = {*gone, *(video.entry.id for video in videos)}
        segments = [_without(segment, out) for segment in index.segments]
        merged = _to_merge(segments, sum(video.entry.seconds for video in videos))
        records = [each.record for each in segments if each.kept and each not in merged]
        together = [*(segment.of(at) for segment in merged for at in segment.kept), *videos]
        name = f"{index.meta.generation + 1:06d}"
        if together:
            records.append(write_segment(index.folder, name, together, index.meta.model.clip_seconds))
        index = Index.of(index.folder, index.meta.changed(segments=tuple(records), reference=None))
        if index.videos:
            path = f"{SEGMENTS}/{name}-reference.safetensors"
            _reference(index, model).save(index.folder / path)
            index = Index.of(index.folder, replace(index.meta, reference=FileRecord.of(index.folder, path)))
        index.meta.save(index.folder)
    remove_unused(index.folder, index.meta.files())
    return index


def publish_guesses(index: Index) -> Index:
    """Give large segments of a large index what finds seconds without looking at all, if FAISS is installed.

    Each is published when it is done; until then, all seconds are looked at.
    """
    if index.counts["seconds"] <= EXACT_UP_TO or not has_faiss():
        return index
    large = [
        each for each in index.segments if _seconds(each) > MOST_SECONDS / 2 and len(each.record.files) == 2
    ]
    for segment in progress(large, "learn", unit="segment"):
        path = f"{SEGMENTS}/{segment.record.name}-guess.safetensors"
        Guess.build(segment.seconds, segment.record.longest).save(index.folder / path)
        record = replace(segment.record, files=(*segment.record.files, FileRecord.of(index.folder, path)))
        records = [record if each.name == record.name else each for each in index.meta.segments]
        index = Index.of(index.folder, index.meta.changed(segments=tuple(records)))
        index.meta.save(index.folder)
    return index


def _without(segment: Segment, out: Collection[str]) -> Segment:
    """Return a segment in which some videos count as removed."""
    removed = tuple(at for at, entry in enumerate(segment.entries) if entry.id in out)
    removed = tuple(sorted({*segment.record.removed, *removed}))
    return replace(segment, record=replace(segment.record, removed=removed))


def _to_merge(segments: Sequence[Segment], seconds: int) -> list[Segment]:
    """Return the segments that are to be copied into one with new videos of so many seconds."""
    merged = []
    for segment in reversed(segments):
        size = _seconds(segment)
        is_wasteful = size < segment.record.seconds / 2
        if size and (size <= 2 * seconds or is_wasteful) and size + seconds <= MOST_SECONDS:
            merged.append(segment)
            seconds += size
    return merged[::-1]


def _seconds(segment: Segment) -> int:
    return sum(segment.entries[at].seconds for at in segment.kept)


def _reference(index: Index, model: MMPTModel) -> Reference:
    """Compute the reference from rows that depend on the videos alone, not on when each was added."""
    places = [index.place(entry.id) for entry in index.videos]
    ends = np.cumsum([entry.seconds for entry in index.videos])
    rows = _spread(int(ends[-1]), MOST_ROWS)
    owners = np.searchsorted(ends, rows, side="right")
    seconds = [
        index.segments[places[owner][0]].of(places[owner][1]).seconds[rows[owners == owner] - ends[owner]]
        for owner in np.unique(owners)
    ]
    chosen = [places[at] for at in _spread(len(places), MOST_VIDEOS)]
    videos = [index.segments[number].videos[at] for number, at in chosen]
    return Reference.of(model.encode_text, torch.cat(seconds), torch.stack(videos))


def _spread(count: int, most: int) -> np.ndarray:
    """Return at most ``most`` of ``count`` places, evenly spaced."""
    return np.linspace(0, count - 1, min(most, count)).astype(np.int64)
