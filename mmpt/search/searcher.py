"""Moments that fit a text, and videos that are like a video."""

import logging
import os
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import torch

from mmpt.errors import ConfigError, DataError
from mmpt.models import MMPTModel
from mmpt.modules.moments import find_moments
from mmpt.search.index import Index
from mmpt.search.model import check_identity, load_model
from mmpt.search.nearest import Matrix, Rows, best_rows, dot_products
from mmpt.search.segment import VideoEntry

__all__ = ["MOST_CHARACTERS", "MOST_HITS", "Hit", "Searcher", "clean_query"]

logger = logging.getLogger(__name__)

MOST_CHARACTERS = 2_000
"""Of a query, more than any model reads; the rest is cut off."""
MOST_HITS = 1_000
_CANDIDATES = 4
"""So many times as many clips and seconds are looked up as moments are asked for."""

State = Literal["ok", "missing", "changed"]


@dataclass(frozen=True)
class Hit:
    """Seconds ``start`` to ``end`` of a video."""

    video_id: str
    path: str
    start: float
    end: float
    score: float
    """Dot product of the query and the mean of three seconds, those around the peak of the moment."""
    percentile: float
    """Share of reference scores that are lower, in percent; see :mod:`mmpt.search.reference`."""
    state: State = "ok"
    """Whether the file is there and as it was when it was indexed."""


def clean_query(text: str) -> str:
    """Return a query as it is searched: one line, no more than :data:`MOST_CHARACTERS`.

    Raises:
        DataError: If nothing is left of it.
    """
    # Halves of characters, which some programs pass on, belong to no text.
    words = text[: 4 * MOST_CHARACTERS].encode("utf-8", "ignore").decode().split()
    query = " ".join(words)
    if not query:
        raise DataError("The query is empty; say what is to be seen, such as: someone slices an onion")
    if len(query) > MOST_CHARACTERS or len(text) > 4 * MOST_CHARACTERS:
        logger.warning("The query is cut off after %d characters: %.40s...", MOST_CHARACTERS, query)
    return query[:MOST_CHARACTERS]


class Searcher:
    """Looks things up in an index; any number of threads may do so at once.

    Args:
        index: The index.
        model: The model that the index was made with, on the device that it is to compute on; without it,
            videos are found that are like a video, but no texts.

    Raises:
        ConfigError: If it is another model.
    """

    def __init__(self, index: Index, model: MMPTModel | None = None) -> None:
        if model is not None:
            check_identity(index, model)
        self._model = model
        self._state = _Snapshot(index)
        # The computations use all cores, one at a time; tokenizers do not like company either.
        self._alone = threading.Lock()

    @classmethod
    def open(
        cls,
        folder: str | os.PathLike[str],
        model: MMPTModel | str | os.PathLike[str] | None = None,
        device: torch.device | str = "cpu",
        plugins: Sequence[str] = (),
    ) -> Self:
        """Open an index and the model that it was made with.

        Args:
            folder: The index.
            model: A model, or a task file or folder to load it from; None: as the index remembers.
            device: Where the model computes.
            plugins: Files or modules to load first. Code that only the index names is not run.

        Raises:
            DataError: If there is no index, or it is damaged.
            ConfigError: If the model is another one, its task file is missing, or needs other plugins.
            CheckpointError: If its checkpoint is missing.
        """
        index = Index.open(folder)
        if not isinstance(model, MMPTModel):
            model = load_model(model, index.meta.model, plugins)
        return cls(index, model.to(device).eval())

    @property
    def index(self) -> Index:
        """The index, as of the last :meth:`refresh`."""
        return self._state.index

    def refresh(self) -> bool:
        """Take in what a writer has published; return whether there was something. Searches go on.

        Raises:
            ConfigError: If the index has been made again with another model.
        """
        if self.index.is_current():
            return False
        index = Index.open(self.index.folder)
        if self._model is not None:
            check_identity(index, self._model)
        self._state = _Snapshot(index)
        return True

    def search(self, text: str, count: int = 10) -> list[Hit]:
        """Return the moments that fit a text best, best first.

        The videos with the best clips and seconds are looked at second by second. Of moments with equal
        scores, the video with the lower id comes first, then the earlier moment.

        Args:
            text: Any text; see :func:`clean_query`.
            count: At most so many.

        Raises:
            DataError: If the text is empty.
            ConfigError: If ``count`` is not between 1 and 1 000, or there is no model.
        """
        query, snapshot = clean_query(text), self._state
        _check_count(count)
        if self._model is None:
            raise ConfigError("Texts are found with the model of the index; open it with Searcher.open.")
        with self._alone:
            vector = self._model.encode_text([query])[0].float().cpu()
            places = snapshot.candidates(vector, _CANDIDATES * count)
            found = [
                (entry, moment.start, moment.end, moment.score)
                for entry, scores in (snapshot.scores(place, vector) for place in places)
                for moment in find_moments(scores, count)
            ]
        return snapshot.hits(found, count, "text")

    def similar(self, video_id: str, count: int = 10) -> list[Hit]:
        """Return the videos that are most like one of the index, each with its most similar clip.

        Scores are dot products of the vectors of whole videos, the means of their seconds.

        Args:
            video_id: Of the index.
            count: At most so many.

        Raises:
            DataError: If the index has no such video.
            ConfigError: If ``count`` is not between 1 and 1 000.
        """
        snapshot = self._state
        _check_count(count)
        with self._alone:
            found = snapshot.similar(video_id, count)
        return snapshot.hits(found, count, "video")


Found = tuple[VideoEntry, float, float, float]
"""A video, from, to, and the score."""


class _Snapshot:
    """An index with what is looked up in it."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self._seconds, self._clips, self._videos = [], [], []
        for segment in index.segments:
            longest, gone = segment.record.longest, segment.record.removed
            ranges = [slice(*segment.seconds_of[at : at + 2]) for at in gone]
            self._seconds.append(Matrix(segment.seconds, longest, ranges, segment.guess))
            ranges = [slice(*segment.clips_of[at : at + 2]) for at in gone]
            self._clips.append(Matrix(segment.clips, longest, ranges))
            self._videos.append(Matrix(segment.videos, longest, [slice(at, at + 1) for at in gone]))

    def candidates(self, vector: torch.Tensor, count: int) -> list[tuple[int, int]]:
        """Return the places of the videos with the best clips and seconds."""
        segments = self.index.segments
        clips, seconds = (best_rows(rows, vector, count) for rows in (self._clips, self._seconds))
        return sorted(
            _owners(clips, [each.clips_of for each in segments])
            | _owners(seconds, [each.seconds_of for each in segments])
        )

    def scores(self, place: tuple[int, int], vector: torch.Tensor) -> tuple[VideoEntry, np.ndarray]:
        """Return a video, and its score second by second."""
        video = self.index.segments[place[0]].of(place[1])
        return video.entry, dot_products(video.seconds, vector)

    def similar(self, video_id: str, count: int) -> list[Found]:
        """Return the videos nearest to one, with their nearest clips."""
        own = number, position = self.index.place(video_id)
        vector = self.index.segments[number].videos[position].float()
        rows = best_rows(self._videos, vector, count + 1)
        found = []
        for matrix, row, score in zip(*(column.tolist() for column in rows), strict=True):
            if (matrix, row) != own:
                video = self.index.segments[matrix].of(row)
                clip = int(dot_products(self.index.segments[matrix].clips_at(row), vector).argmax())
                length = self.index.meta.model.clip_seconds
                end = min((clip + 1) * length, video.entry.seconds)
                found.append((video.entry, float(clip * length), float(end), score))
        return found

    def hits(self, found: Iterable[Found], count: int, among: str) -> list[Hit]:
        """Return what was found as hits, best first."""
        best = sorted(found, key=lambda each: (-each[3], each[0].id, each[1]))[:count]
        reference = self.index.reference
        return [
            Hit(
                entry.id,
                entry.path,
                start,
                end,
                score,
                reference.percentile(score, among) if reference else 0.0,
                _state_of(entry),
            )
            for entry, start, end, score in best
        ]


def _owners(rows: Rows, starts: Sequence[np.ndarray]) -> set[tuple[int, int]]:
    """Return the places of the videos that rows belong to."""
    return {
        (number, int(at))
        for number, begins in enumerate(starts)
        for at in np.searchsorted(begins, rows.row[rows.matrix == number], side="right") - 1
    }


def _state_of(entry: VideoEntry) -> State:
    try:
        now = os.stat(entry.path)
    except OSError:
        return "missing"
    return "ok" if (now.st_size, now.st_mtime_ns) == (entry.size, entry.mtime_ns) else "changed"


def _check_count(count: int) -> None:
    if not 1 <= count <= MOST_HITS:
        raise ConfigError(f"Between 1 and {MOST_HITS} results can be asked for; given is {count}.")
