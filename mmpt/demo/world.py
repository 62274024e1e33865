"""Writes the demo world: video files and annotations under one data folder.

    data/demo/
      world.json                     what was asked for, and the ground truth of every video
      videos/{how2,youcook,msrvtt,coin,crosstask,didemo}/*.mp4
      how2/  youcook/  msrvtt/  msrvtt-qa/  coin/  crosstask/crosstask_release/  didemo/

The annotation files have the names that the shipped configurations use below ``data/``.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmpt.demo.annotations import (
    TASKS,
    CrossTask,
    choose_clips,
    write_coin,
    write_crosstask,
    write_didemo,
    write_how2,
    write_youcook,
)
from mmpt.demo.msrvtt import write_msrvtt
from mmpt.demo.scene import Scene, Split, scene_of
from mmpt.demo.videofile import RenderJob, write_videos
from mmpt.errors import ConfigError, DataError
from mmpt.utils.files import read_json, write_json

__all__ = ["DATASETS", "WorldPlan", "WorldSummary", "write_world"]

DATASETS = ("how2", "youcook", "msrvtt", "coin", "crosstask", "didemo")
"""Data sets that the world can be written as."""

_DIDEMO_SECONDS = 30.0
# First video of each data set in its split of the world, so that no two share a video.
_FIRST = {
    "how2": 0,
    "youcook": 200_000,
    "msrvtt": 300_000,
    "coin": 400_000,
    "crosstask": 500_000,
    "didemo": 600_000,
}


@dataclass(frozen=True)
class WorldPlan:
    """How much to write.

    Raises:
        ConfigError: If a number is below 1 or a data set is unknown.
    """

    num_videos: int = 400
    """Narrated training videos (How2)."""
    num_val: int = 16
    """Narrated validation videos (How2)."""
    num_test: int = 80
    """Videos with held-out combinations (YouCook2); 60 give more than 120 clips to retrieve."""
    num_other: int = 12
    """Videos of each other split and data set, and of each primary task of CrossTask."""
    num_train: int | None = None
    """Training videos of YouCook2, MSR-VTT and COIN; None for as many as ``num_other``."""
    seed: int = 0
    datasets: tuple[str, ...] = ("how2", "youcook")

    def __post_init__(self) -> None:
        for name in ("num_videos", "num_val", "num_test", "num_other", "num_train"):
            number = getattr(self, name)
            if number is not None and number < 1:
                raise ConfigError(f"The world needs {name} of at least 1; given is {number}.")
        unknown = sorted(set(self.datasets) - set(DATASETS))
        if unknown:
            raise ConfigError(f"Unknown data sets {', '.join(unknown)}; known are {', '.join(DATASETS)}.")


@dataclass(frozen=True)
class WorldSummary:
    """What was written."""

    videos: dict[str, int]
    """Data set -> number of video files."""
    seconds: float
    """Length of all video together."""
    clips: int
    """Clips of the held-out YouCook2 retrieval test; 0 without that data set."""


def _scenes(plan: WorldPlan, dataset: str, split: Split, count: int) -> list[Scene]:
    return [scene_of(plan.seed, _FIRST[dataset] + k, split) for k in range(count)]


def _jobs(folder: Path, dataset: str, scenes: Iterable[Scene], end: float | None = None) -> list[RenderJob]:
    place = folder / "videos" / dataset
    return [RenderJob(place / f"{scene.video_id}.mp4", scene, 0.0, end) for scene in scenes]


class _Writer:
    """Writes one data set's annotations and returns its videos."""

    def __init__(self, folder: Path, plan: WorldPlan) -> None:
        self.folder, self.plan = folder, plan
        self.num_train = plan.num_other if plan.num_train is None else plan.num_train
        self.clips = 0

    def how2(self) -> list[RenderJob]:
        train = _scenes(self.plan, "how2", "train", self.plan.num_videos)
        val = _scenes(self.plan, "how2", "val", self.plan.num_val)
        write_how2(self.folder / "how2", train, val)
        return _jobs(self.folder, "how2", [*train, *val])

    def youcook(self) -> list[RenderJob]:
        train = _scenes(self.plan, "youcook", "train", self.num_train)
        test = _scenes(self.plan, "youcook", "test", self.plan.num_test)
        self.clips = write_youcook(self.folder / "youcook", train, test)
        return _jobs(self.folder, "youcook", [*train, *test])

    def msrvtt(self) -> list[RenderJob]:
        train = choose_clips(_scenes(self.plan, "msrvtt", "train", self.num_train))
        test = choose_clips(_scenes(self.plan, "msrvtt", "test", self.plan.num_other))
        return write_msrvtt(self.folder / "msrvtt", self.folder / "videos" / "msrvtt", train, test)

    def coin(self) -> list[RenderJob]:
        training = _scenes(self.plan, "coin", "train", self.num_train)
        testing = _scenes(self.plan, "coin", "val", self.plan.num_other)
        write_coin(self.folder / "coin", training, testing)
        return _jobs(self.folder, "coin", [*training, *testing])

    def crosstask(self) -> list[RenderJob]:
        videos = {task.task_id: self._task_scenes(number, task) for number, task in enumerate(TASKS)}
        # As in the release, the validation list repeats some of the videos of the primary tasks.
        val = {
            task.task_id: videos[task.task_id][-max(1, self.plan.num_other // 8) :]
            for task in TASKS
            if task.primary
        }
        write_crosstask(self.folder / "crosstask" / "crosstask_release", videos, val)
        return _jobs(self.folder, "crosstask", [scene for scenes in videos.values() for scene in scenes])

    def _task_scenes(self, number: int, task: CrossTask) -> list[Scene]:
        """Return the videos of a task of CrossTask; related tasks have a quarter as many as primary ones."""
        seed, first = self.plan.seed, _FIRST["crosstask"] + 1000 * number
        count = self.plan.num_other if task.primary else max(1, self.plan.num_other // 4)
        return [
            scene_of(seed, first + k, "train", task.play(np.random.default_rng((seed, 7, first + k))))
            for k in range(count)
        ]

    def didemo(self) -> list[RenderJob]:
        scenes = _scenes(self.plan, "didemo", "test", self.plan.num_other)
        write_didemo(self.folder / "didemo", scenes, _DIDEMO_SECONDS)
        return _jobs(self.folder, "didemo", scenes, _DIDEMO_SECONDS)


def _truth(job: RenderJob) -> dict[str, Any]:
    """Return what happens in a file: times in seconds of that file."""
    end = job.scene.duration if job.end is None else job.end
    steps = []
    for step in job.scene.steps:
        if step.start < end and step.end > job.start:
            colour, shape, action = job.scene.combination(step)
            times = {"start": round(step.start - job.start, 2), "end": round(step.end - job.start, 2)}
            steps.append({**times, "colour": colour, "shape": shape, "action": action, "size": step.size})
    return {"seconds": round(end - job.start, 2), "steps": steps}


def write_world(folder: Path, plan: WorldPlan, workers: int | None = None) -> WorldSummary:
    """Write videos and annotations; files that exist are kept, so a stopped run goes on.

    Args:
        folder: Data folder, such as ``data/demo``.
        plan: How much to write.
        workers: Rendering processes; default: one per core.

    Raises:
        DataError: If the folder holds another world.
    """
    record = folder / "world.json"
    wanted = {**asdict(plan), "datasets": list(plan.datasets)}
    found = wanted
    if record.is_file():  # one of an older version lacks the newer fields
        found = {**asdict(WorldPlan()), **read_json(record)["plan"]}
    if found != wanted:
        raise DataError(
            f"The folder {folder} holds another world ({found}; asked for is {wanted}). "
            "Choose another folder, or remove this one."
        )
    writer = _Writer(folder, plan)
    builders = {
        "how2": writer.how2,
        "youcook": writer.youcook,
        "msrvtt": writer.msrvtt,
        "coin": writer.coin,
        "crosstask": writer.crosstask,
        "didemo": writer.didemo,
    }
    jobs = {name: builders[name]() for name in DATASETS if name in plan.datasets}
    truth = {name: {job.path.stem: _truth(job) for job in group} for name, group in jobs.items()}
    write_json(record, {"plan": wanted, "truth": truth})
    write_videos([job for group in jobs.values() for job in group], workers)
    seconds = sum(video["seconds"] for videos in truth.values() for video in videos.values())
    return WorldSummary({name: len(group) for name, group in jobs.items()}, round(seconds, 1), writer.clips)
