"""The end of the demo: one table, and the page of its run with what there is to say of it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mmpt.config.task import load_task
from mmpt.evaluators.results import EvaluationResult
from mmpt.evaluators.tables import comparison
from mmpt.report.about import ABOUT_FILE, About, Query, write_about
from mmpt.report.page import write_report
from mmpt.utils.files import read_json, sha256

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


def write_demo_report(run: Path, answers: Sequence[Query], data: Path, task: str) -> Path:
    """Say what the demo is in ``about.json`` of its run, write the run's page and return its path.

    Args:
        run: Folder of the run.
        answers: Answered queries.
        data: Folder of the demo world.
        task: The task file of training.
    """
    world = read_json(data / "world.json")
    hours = sum(video["seconds"] for group in world["truth"].values() for video in group.values()) / 3600
    about = About(
        title="VideoCLIP on the demo world",
        summary=(
            "Trained on narrated, rendered instructional videos, from a small language model and a small "
            "video encoder; asked to find held-out clips by a sentence."
        ),
        limits=_LIMITS,
        facts={"training videos": str(world["plan"]["num_videos"]), "video in all": f"{hours:.1f} h"},
        hashes={"video encoder": sha256(load_task(task).extractor.weights)},
        queries=answers,
    )
    write_about(run / ABOUT_FILE, about)
    return write_report(run)


def _named(results: Sequence[EvaluationResult]) -> list[EvaluationResult]:
    return [replace(r, name=name) for r, name in zip(results, ("untrained", "trained"), strict=True)]
