"""Examples of retrieval: texts, what was found for them, and frames of it.

Comes in: the scores of an evaluation, and what its rows and columns are. Goes out: a few texts whose own
clip was found at once, a few for which it was nearly, and a few for which it was not, drawn by chance.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmpt.errors import DataError, MMPTError
from mmpt.evaluators.metric import retrieval_ranks
from mmpt.evaluators.results import EvaluationResult
from mmpt.report.about import Hit, Query
from mmpt.store.npyfile import read_array, read_header
from mmpt.store.paths import PLAN_NAME, VIDEO_SUFFIXES, PathPlan
from mmpt.store.thumbnails import frame_at, jpeg_data_uri
from mmpt.utils.files import read_json

__all__ = ["Pictures", "retrieval_examples"]

OUTCOMES = ((1, "found at once"), (10, "among the ten best"), (math.inf, "missed"))
"""Last rank of an outcome, and its name."""
EACH = 2
"""Examples of each outcome."""
HITS = 3
"""Clips shown of each text."""
FRAMES = 3
HEIGHT = 132
"""Short side of a frame in pixels."""


class Pictures:
    """Frames of videos, from wherever the videos are.

    Args:
        folders: Folders with videos, looked at first.

    Attributes:
        missing: What is to be said of videos that could not be shown: reason -> number.
    """

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        self._folders = folders
        self._plans: dict[Path, Mapping[str, Path]] = {}
        self.missing: dict[str, int] = {}

    def strip(self, hit: Hit, features: Path | None = None) -> list[str]:
        """Return frames of a moment in order, as ``data:`` addresses; nothing if there is no video.

        Args:
            hit: The moment.
            features: Folder of the features, which knows where the videos were.
        """
        try:
            path = self._find(hit, features)
            begin, end = hit.start or 0.0, hit.end or _seconds(hit, features)
            times = np.linspace(begin, end, FRAMES + 2)[1:-1]
            return [jpeg_data_uri(frame_at(path, time, HEIGHT)) for time in times]
        except MMPTError as error:
            reason = str(error)
            self.missing[reason] = self.missing.get(reason, 0) + 1
            return []

    def _find(self, hit: Hit, features: Path | None) -> Path:
        named = [Path(hit.video)] if hit.video else []
        inside = [folder / f"{hit.video_id}{suffix}" for folder in self._folders for suffix in VIDEO_SUFFIXES]
        planned = [plan[hit.video_id]] if (plan := self._plan(features)) and hit.video_id in plan else []
        for path in (*inside, *named, *planned):
            if path.is_file():
                return path
        raise DataError(
            "the video files are not where the features were made of them; give their folder with --videos"
            if named or planned
            else "it is not known where the video files are; give their folder with --videos"
        )

    def _plan(self, features: Path | None) -> Mapping[str, Path]:
        if features is None or not (features / PLAN_NAME).exists():
            return {}
        if features not in self._plans:
            jobs = PathPlan.load(features / PLAN_NAME, features).jobs
            self._plans[features] = {job.video_id: job.video for job in jobs}
        return self._plans[features]


def _seconds(hit: Hit, features: Path | None) -> float:
    """Return how long a whole video is: a row of features is a second."""
    path = features / f"{hit.video_id}.npy" if features else None
    if path is None or not path.exists():
        return (hit.start or 0.0) + FRAMES + 1
    return float(read_header(path).shape[0])


def retrieval_examples(folder: Path, result: EvaluationResult) -> list[Query]:
    """Return texts of every outcome, and the best clips for each with its own clip among them.

    Args:
        folder: Where the evaluation wrote its files.
        result: An evaluation of retrieval.

    Raises:
        DataError: If the scores are missing or damaged, or the texts were not kept.
    """
    path = folder / f"{result.name}.items.json"
    if not path.exists():
        raise DataError(
            f"The texts and clips behind {result.name} were not kept; evaluate again to see examples."
        )
    items = read_json(path)["items"]
    scores = read_array(folder / result.predictions["scores"], "r")
    if len(items) != len(scores):
        raise DataError(
            f"There are {len(scores)} scores and {len(items)} items of {result.name} in {folder}."
        )
    return list(_examples(scores, items))


def _examples(scores: NDArray, items: Sequence[Mapping[str, Any]]) -> Iterator[Query]:
    ranks = retrieval_ranks(scores)
    before = 0.0
    for last, outcome in OUTCOMES:
        those = np.flatnonzero((ranks > before) & (ranks <= last))
        for row in np.random.default_rng(0).permutation(those)[:EACH]:
            best = np.argsort(-np.asarray(scores[row]), kind="stable")[:HITS].tolist()
            shown = best if row in best else [*best[:-1], int(row)]
            hits = [_hit(items[column], float(scores[row, column]), column == row) for column in shown]
            rank = f"{outcome}: rank {ranks[row]:,} of {scores.shape[1]:,}"
            verdict = f"{rank}, as {len(those):,} of {len(ranks):,} texts"
            yield Query(items[row]["text"] or f"text {row}", hits, verdict)
        before = last


def _hit(item: Mapping[str, Any], score: float, own: bool) -> Hit:
    note = None if own else item["text"]
    return Hit(item["video"], item["start"], item["end"], score, note=note, correct=own)
