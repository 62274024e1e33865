"""The world as MSR-VTT: short clips ``video0``, ``video1``, … with several sentences each."""

from collections.abc import Sequence
from operator import eq
from pathlib import Path

import numpy as np

from mmpt.demo.annotations import write_list, write_table
from mmpt.demo.narration import sentence
from mmpt.demo.scene import Scene, Step
from mmpt.demo.videofile import RenderJob
from mmpt.utils.files import write_json
from mmpt.utils.seeding import item_generator

__all__ = ["write_msrvtt"]

_SENTENCES = 20  # per clip, as in MSR-VTT
_BEFORE_AND_AFTER = 0.3  # seconds of context in a clip

Clip = tuple[Scene, int]


def write_msrvtt(folder: Path, videos: Path, train: Sequence[Clip], test: Sequence[Clip]) -> list[RenderJob]:
    """Write lists, sentences and the multiple-choice test; return the clips to render.

    Args:
        folder: Where ``MSRVTT_train.csv``, ``MSRVTT_FULL_test.csv``, ``MSRVTT_JSFUSION_test.csv`` and
            ``MSRVTT_data.json`` go; ``MSR_MC_test.csv`` goes to ``msrvtt-qa`` beside it.
        videos: Folder of the clips.
        train: (scene, step) of training clips.
        test: (scene, step) of test clips, all about different things.
    """
    jobs, sentences = [], []
    for number, (scene, k) in enumerate([*train, *test]):
        step, rng = scene.steps[k], item_generator(scene.seed, 5, number)
        jobs.append(_clip_job(videos / f"video{number}.mp4", scene, step))
        sentences.append([sentence(scene, step, rng) for _ in range(_SENTENCES)])
    names = [job.path.stem for job in jobs]
    data = {
        "info": {"description": "mmpt demo world in the format of MSR-VTT"},
        "videos": [
            {"id": n, "video_id": name, "category": 0, "split": "train" if n < len(train) else "test"}
            for n, name in enumerate(names)
        ],
        "sentences": [
            {"sen_id": n * _SENTENCES + k, "video_id": name, "caption": text}
            for n, name in enumerate(names)
            for k, text in enumerate(sentences[n])
        ],
    }
    write_json(folder / "MSRVTT_data.json", data)
    write_list(folder / "MSRVTT_train.csv", ["video_id", *names[: len(train)]])
    write_list(folder / "MSRVTT_FULL_test.csv", ["video_id", *names[len(train) :]])
    rows = [
        (f"ret{n}", f"msr{name.removeprefix('video')}", name, sentences[len(train) + n][0])
        for n, name in enumerate(names[len(train) :])
    ]
    write_table(folder / "MSRVTT_JSFUSION_test.csv", [("key", "vid_key", "video_id", "sentence"), *rows])
    write_table(folder.parent / "msrvtt-qa" / "MSR_MC_test.csv", _choices(rows, test), delimiter="\t")
    return jobs


def _clip_job(path: Path, scene: Scene, step: Step) -> RenderJob:
    start = max(0.0, step.start - _BEFORE_AND_AFTER)
    return RenderJob(path, scene, start, min(scene.duration, step.end + _BEFORE_AND_AFTER))


def _choices(rows: Sequence[tuple[str, str, str, str]], clips: Sequence[Clip]) -> list[tuple[str | int, ...]]:
    """Return the multiple-choice table: the right sentence among four of other clips, answer 0…4.

    The wrong ones share as much as possible of colour, shape and action with the right one.
    """
    combinations = [scene.combination(scene.steps[k]) for scene, k in clips]
    table: list[tuple[str | int, ...]] = [("vid_key", "a1", "a2", "a3", "a4", "a5", "answer")]
    for number, (_, key, _, text) in enumerate(rows):
        rng = np.random.default_rng((6, number))
        others = [k for k in rng.permutation(len(rows)) if k != number and rows[k][3] != text]
        shared = {k: sum(map(eq, combinations[k], combinations[number])) for k in others}
        wrong = [rows[k][3] for k in sorted(others, key=lambda k: -shared[k])[:4]]
        answer = int(rng.integers(len(wrong) + 1))
        table.append((key, *wrong[:answer], text, *wrong[answer:], answer))
    return table
