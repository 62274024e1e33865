"""Text queries over the demo's held-out videos: what is found, and whether it is right.

Comes in: a trained model, features per video, and the ground truth of the world. Goes out:
:class:`~mmpt.report.about.Query` for the page of the run. The queries are drawn by seed from the clips
that the retrieval test uses, not picked by hand.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmpt.models.mmptmodel import MMPTModel
from mmpt.modules.moments import Moment, find_moments
from mmpt.report import about
from mmpt.store.safe_pickle import read_pickle
from mmpt.utils.files import read_json

__all__ = ["Query", "World", "answer"]


@dataclass(frozen=True)
class Query:
    """A sentence and the clip that it was written for."""

    text: str
    video_id: str
    step: int


@dataclass(frozen=True)
class World:
    """The held-out part of a written world.

    Attributes:
        folder: Data folder, such as ``data/demo``.
        truth: Video id -> its length and steps, as in ``world.json``.
        queries: The clips of the retrieval test.
    """

    folder: Path
    truth: Mapping[str, Mapping[str, Any]]
    queries: Sequence[Query]

    @classmethod
    def read(cls, folder: Path) -> "World":
        """Read the YouCook2 part of the world in ``folder``."""
        clips = read_pickle(folder / "youcook/youcook_val.pkl")
        named = [(*clip["id"].rsplit("_", 1), clip["caption"]) for clip in clips]
        queries = [Query(caption, video_id, int(step)) for video_id, step, caption in named]
        held_out = {query.video_id for query in queries}
        truth = read_json(folder / "world.json")["truth"]["youcook"]
        return cls(folder, {name: video for name, video in truth.items() if name in held_out}, queries)

    def draw(self, count: int, seed: int = 0) -> list[Query]:
        """Return ``count`` random queries about different actions."""
        order = np.random.default_rng(seed).permutation(len(self.queries))
        by_action: dict[str, Query] = {}
        for position in order:
            query = self.queries[position]
            by_action.setdefault(self._step(query)["action"], query)
        return list(by_action.values())[:count]

    def hit(self, query: Query, video_id: str, moment: Moment) -> about.Hit:
        """Look a moment up: the video, what really happens, and whether that was asked for."""
        shown = max(
            self.truth[video_id]["steps"],
            key=lambda step: min(step["end"], moment.end) - max(step["start"], moment.start),
        )
        wanted = self._step(query)
        return about.Hit(
            video_id,
            *moment,
            video=str(self.folder / "videos/youcook" / f"{video_id}.mp4"),
            note=f"{shown['action']} the {shown['size']} {shown['colour']} {shown['shape']}",
            correct=shown is wanted or _answers(query.text, wanted, shown),
        )

    def _step(self, query: Query) -> Mapping[str, Any]:
        return self.truth[query.video_id]["steps"][query.step]


def _answers(text: str, wanted: Mapping[str, Any], shown: Mapping[str, Any]) -> bool:
    """Tell whether another step does what a text about ``wanted`` asks for, in all that it names."""
    named = ["colour", "shape", "action", *(["size"] if wanted["size"] in text.split() else [])]
    # The ground truth of other steps holds no place: a text that names one means its own step alone.
    place = " at the " in text or " in the middle" in text
    return not place and all(shown[key] == wanted[key] for key in named)


def answer(model: MMPTModel, world: World, features: Path, queries: int, hits: int = 3) -> list[about.Query]:
    """Return the best moments of all held-out videos for a few random queries.

    Args:
        model: The trained model.
        world: Videos and ground truth.
        features: Folder of the features.
        queries: Number of queries.
        hits: Videos shown for each, with their best moment.
    """
    seconds = dict(
        zip(
            world.truth, model.encode_seconds([features / f"{name}.npy" for name in world.truth]), strict=True
        )
    )
    answers = []
    for query in world.draw(queries):
        text = model.encode_text([query.text])[0]
        moments = [(name, find_moments((rows @ text).cpu(), 1)[0]) for name, rows in seconds.items()]
        best = sorted(moments, key=lambda each: -each[1].score)[:hits]
        answers.append(about.Query(query.text, [world.hit(query, *each) for each in best]))
    return answers
