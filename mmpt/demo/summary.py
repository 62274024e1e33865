"""The end of the demo: one table, and the report page filled with what the run left behind."""

import platform
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from math import log
from pathlib import Path

from mmpt.config.task import load_task
from mmpt.demo.report import LossCurve, QueryAnswer, ReportMeta, write_report
from mmpt.evaluators.results import EvaluationResult
from mmpt.evaluators.tables import comparison
from mmpt.utils.files import read_json, sha256
from mmpt.utils.trainlog import METRICS_FILE, read_training_log

__all__ = ["table_text", "write_demo_report"]

_LIMITS = (
    "The video encoder is a quarter as wide as the published one and sees 64 × 64 pixels, so it takes "
    "similar shapes for each other; narration is up to two seconds off, and a few minutes of training "
    "see each sentence only a few times. The held-out clips act combinations of colour, shape and "
    "action that occur nowhere in training."
)


def table_text(results: Sequence[EvaluationResult]) -> str:
    """Return the lines chance, untrained, trained."""
    counts = ", ".join(f"{number} {what}" for what, number in results[-1].counts.items())
    table = comparison(_named(results), baseline="chance")
    return f"zero-shot text→video retrieval on held-out clips ({counts})\n{table}"


def write_demo_report(
    run: Path, results: Sequence[EvaluationResult], answers: Sequence[QueryAnswer], data: Path, task: str
) -> Path:
    """Write ``report.html`` into the run's folder and return its path.

    Args:
        run: Folder of the run, with its log and ``stages.json``.
        results: Evaluations, untrained first.
        answers: Answered queries.
        data: Folder of the demo world.
        task: The task file of training.
    """
    curves = read_training_log(run / METRICS_FILE)
    config = load_task(task)
    batch = config.fairseq["dataset"]["batch_size"]
    world = read_json(data / "world.json")
    hours = sum(video["seconds"] for group in world["truth"].values() for video in group.values()) / 3600
    stages = {name: time["seconds"] for name, time in read_json(run / "stages.json").items()}
    trained = results[-1]
    meta = ReportMeta(
        title="VideoCLIP on the demo world",
        summary=(
            "Trained on narrated, rendered instructional videos, from a small language model and a small "
            "video encoder; asked to find held-out clips by a sentence."
        ),
        date=trained.date,
        facts={
            "training videos": str(world["plan"]["num_videos"]),
            "video in all": f"{hours:.1f} h",
            "updates": str(curves.train[-1][0]),
            "pairs per batch": str(batch),
            "processor": f"{platform.machine()}, {trained.device}",
        },
        stages=list(stages.items()),
        versions={"Python": platform.python_version()}
        | {name: version(name) for name in ("torch", "transformers", "fairseq-fixed", "av")},
        hashes={"video encoder": sha256(config.extractor.weights)},
        limits=_LIMITS,
    )
    return write_report(
        run / "report.html",
        loss_curve=LossCurve(curves.train, curves.valid, chance=2 * log(batch)),
        table=_named(results),
        queries=answers,
        meta=meta,
    )


def _named(results: Sequence[EvaluationResult]) -> list[EvaluationResult]:
    return [replace(r, name=name) for r, name in zip(results, ("untrained", "trained"), strict=True)]
