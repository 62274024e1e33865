"""The world's annotations in the formats of HowTo100M, YouCook2, COIN, CrossTask and DiDeMo.

Every function takes the folder of one data set and scenes, and writes the files that the shipped
configurations name. Pickles hold plain containers only.
"""

import csv
import io
import json
import pickle
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmpt.demo.narration import raw_captions, sentence
from mmpt.demo.scene import Scene, Step
from mmpt.demo.vocabulary import ACTIONS, SHAPES
from mmpt.errors import ConfigError
from mmpt.store.captions import to_columns
from mmpt.utils.files import atomic_write, write_json
from mmpt.utils.seeding import item_generator

__all__ = [
    "TASKS",
    "CrossTask",
    "choose_clips",
    "write_coin",
    "write_crosstask",
    "write_didemo",
    "write_how2",
    "write_list",
    "write_table",
    "write_youcook",
]

_DIDEMO_CHUNK = 5.0  # seconds


def write_list(path: Path, lines: Iterable[str]) -> None:
    """Write one line per item, atomically."""
    with atomic_write(path, "w") as stream:
        stream.writelines(f"{line}\n" for line in lines)


def write_table(path: Path, rows: Iterable[Sequence[Any]], delimiter: str = ",") -> None:
    """Write a CSV file, atomically; the first row is the header if the format has one."""
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter, lineterminator="\n").writerows(rows)
    with atomic_write(path, "w") as stream:
        stream.write(buffer.getvalue())


def _write_pickle(path: Path, value: list[dict[str, str]]) -> None:
    with atomic_write(path) as stream:
        pickle.dump(value, stream, protocol=2)


def _segment(step: Step) -> list[int]:
    """Return a step's segment in whole seconds, at least two of them."""
    start = round(step.start)
    return [start, max(start + 2, round(step.end))]


def write_how2(folder: Path, train: Sequence[Scene], val: Sequence[Scene]) -> None:
    """Write ``raw_caption.json``, ``how2_s3d_train.lst`` and ``how2_s3d_val.lst``."""
    captions = {
        scene.video_id: to_columns(raw_captions(scene, item_generator(scene.seed, 2, number)))
        for number, scene in enumerate([*train, *val])
    }
    with atomic_write(folder / "raw_caption.json", "w") as stream:
        json.dump(captions, stream)
    write_list(folder / "how2_s3d_train.lst", (scene.video_id for scene in train))
    write_list(folder / "how2_s3d_val.lst", (scene.video_id for scene in val))


def choose_clips(scenes: Sequence[Scene]) -> list[tuple[Scene, int]]:
    """Return one (scene, step) per combination of colour, shape and action, the first one met.

    Their sentences name different things, so each text has exactly one right clip.
    """
    chosen: dict[tuple[str, str, str], tuple[Scene, int]] = {}
    for scene in scenes:
        for number, step in enumerate(scene.steps):
            chosen.setdefault(scene.combination(step), (scene, number))
    return list(chosen.values())


def write_youcook(folder: Path, train: Sequence[Scene], test: Sequence[Scene]) -> int:
    """Write annotations, ``youcook_{train,val}.pkl`` and ``{train,val}_list.txt``.

    The validation list holds one clip per combination; return their number.
    """
    database: dict[str, Any] = {}
    for subset, scenes in (("training", train), ("validation", test)):
        for scene in scenes:
            rng = np.random.default_rng((scene.look_seed, 3))
            notes = [
                {"id": k, "segment": _segment(step), "sentence": sentence(scene, step, rng)}
                for k, step in enumerate(scene.steps)
            ]
            database[scene.video_id] = {
                "duration": scene.duration,
                "subset": subset,
                "recipe_type": "101",
                "video_url": f"https://example.invalid/{scene.video_id}",
                "annotations": notes,
            }
    write_json(folder / "youcookii_annotations_trainval.json", {"database": database})
    clips = {
        "train": [(scene, k) for scene in train for k in range(len(scene.steps))],
        "val": choose_clips(test),
    }
    for split, pairs in clips.items():
        rows = [
            {
                "id": f"{scene.video_id}_{k}",
                "caption": database[scene.video_id]["annotations"][k]["sentence"],
            }
            for scene, k in pairs
        ]
        _write_pickle(folder / f"youcook_{split}.pkl", rows)
    write_list(folder / "train_list.txt", (f"101/{scene.video_id}" for scene in train))
    write_list(folder / "val_list.txt", (f"101/{scene.video_id}" for scene in test))
    return len(clips["val"])


def write_coin(folder: Path, training: Sequence[Scene], testing: Sequence[Scene]) -> None:
    """Write ``COIN.json``; a label is an action on a shape ("move left the star"), 1…140."""
    database = {}
    for subset, scenes in (("training", training), ("testing", testing)):
        for scene in scenes:
            notes = []
            for step in scene.steps:
                _, shape, action = scene.combination(step)
                label = 1 + ACTIONS.index(action) * len(SHAPES) + SHAPES.index(shape)
                notes.append(
                    {
                        "id": str(label),
                        "segment": [round(step.start, 1), round(step.end, 1)],
                        "label": f"{action} the {shape}",
                    }
                )
            database[scene.video_id] = {
                "video_url": f"https://example.invalid/{scene.video_id}",
                "duration": scene.duration,
                "recipe_type": 0,
                "class": "PlayWithShapes",
                "subset": subset,
                "start": 0.0,
                "end": scene.duration,
                "annotation": notes,
            }
    write_json(folder / "COIN.json", {"database": database})


@dataclass(frozen=True)
class CrossTask:
    """A task of CrossTask: its id, its title, and the actions it takes, in order, each once."""

    task_id: str
    title: str
    script: tuple[str, ...]
    primary: bool

    def play(self, rng: np.random.Generator) -> tuple[str, ...]:
        """Return what happens in one video: the script, with up to two other actions in every gap."""
        others = [action for action in ACTIONS if action not in self.script]
        played: list[str] = []
        for action in (*self.script, None):
            played += [others[k] for k in rng.integers(len(others), size=rng.integers(3))]
            played += [] if action is None else [action]
        return tuple(played)


TASKS: tuple[CrossTask, ...] = (
    CrossTask("16815", "Build a Tower", ("place", "move left", "grow", "stack"), True),
    CrossTask("23521", "Make a Show", ("place", "flash", "spin clockwise", "bounce"), True),
    CrossTask("40567", "Tidy the Table", ("move up", "move right", "shrink", "remove"), True),
    CrossTask("44047", "Test a Shape", ("shake", "grow", "spin counterclockwise", "move down"), True),
    CrossTask("50348", "Greet the Guests", ("place", "bounce", "move right"), False),
    CrossTask("76400", "Clear Up", ("shake", "move down", "remove"), False),
)
"""The tasks of the world; the step of an action is called like the action."""


def _task_blocks(tasks: Iterable[CrossTask]) -> list[str]:
    lines = []
    for task in tasks:
        steps = ",".join(task.script)
        url = f"https://example.invalid/{task.task_id}"
        lines += [task.task_id, task.title, url, str(len(task.script)), steps, ""]
    return lines


def write_crosstask(
    folder: Path, videos: Mapping[str, Sequence[Scene]], val: Mapping[str, Sequence[Scene]]
) -> None:
    """Write videos, tasks and annotations of CrossTask; the mappings go from task id to scenes.

    What happens between the steps of the task is background and not annotated.
    """
    write_list(folder / "tasks_primary.txt", _task_blocks(task for task in TASKS if task.primary))
    write_list(folder / "tasks_related.txt", _task_blocks(task for task in TASKS if not task.primary))
    for name, group in (("videos.csv", videos), ("videos_val.csv", val)):
        rows = [
            (t, s.video_id, f"https://example.invalid/{s.video_id}") for t, ss in group.items() for s in ss
        ]
        write_table(folder / name, rows)
    for task in TASKS:
        for scene in [*videos.get(task.task_id, ()), *val.get(task.task_id, ())]:
            steps = [
                (task.script.index(step.action) + 1, round(step.start, 2), round(step.end, 2))
                for step in scene.steps
                if step.action in task.script
            ]
            write_table(folder / "annotations" / f"{task.task_id}_{scene.video_id}.csv", steps)


def write_didemo(folder: Path, scenes: Sequence[Scene], seconds: float) -> None:
    """Write ``test_data.json``: sentences about the first ``seconds`` of the scenes, in chunks of 5 s.

    Four annotators each give the first and the last chunk; some begin one chunk late or end one early.

    Raises:
        ConfigError: If ``seconds`` is not a whole number of chunks.
    """
    if seconds % _DIDEMO_CHUNK:
        raise ConfigError(f"DiDeMo's videos are cut into chunks of 5 s; {seconds} s is no multiple of it.")
    rows: list[dict[str, Any]] = []
    for scene in scenes:
        rng = np.random.default_rng((scene.look_seed, 4))
        for step in scene.steps:
            if step.end > seconds:
                break
            first, last = int(step.start // _DIDEMO_CHUNK), int(step.end // _DIDEMO_CHUNK)
            last = min(last, int(seconds // _DIDEMO_CHUNK) - 1)
            times = [
                [int(rng.integers(first, last + 1)), last] if k == 3 else [first, last] for k in range(4)
            ]
            rows.append(
                {
                    "annotation_id": len(rows),
                    "video": f"{scene.video_id}.mp4",
                    "description": sentence(scene, step, rng),
                    "times": times,
                    "num_segments": int(seconds // _DIDEMO_CHUNK),
                    "dl_link": f"https://example.invalid/{scene.video_id}",
                }
            )
    write_json(folder / "test_data.json", rows)
