"""The report page: what was run, how well it retrieves, and what it finds, in one HTML file.

Comes in: a loss curve, evaluation results, answered queries, and facts about the run. Goes out:
one file that needs nothing beside it (styles, chart and pictures are inside), in light and dark,
for wide and narrow screens. The look is in ``report.html.j2``; Jinja escapes every text.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from numpy.typing import NDArray

from mmpt.demo.chart import LossCurve, layout
from mmpt.errors import DataError
from mmpt.evaluators.moments import Moment
from mmpt.evaluators.results import EvaluationResult
from mmpt.evaluators.tables import format_value
from mmpt.store.thumbnails import jpeg_data_uri
from mmpt.utils.files import atomic_write

__all__ = ["Hit", "LossCurve", "QueryAnswer", "ReportMeta", "template", "write_report"]

_NAMES = {"R1": "R@1", "R5": "R@5", "R10": "R@10", "MR": "median rank"}


@dataclass(frozen=True)
class Hit:
    """One moment that answers a query."""

    moment: Moment
    """Video, seconds and score."""
    frames: Sequence[NDArray[np.uint8]] = ()
    """Frames of the moment in order, each uint8 (height, width, 3); shown as a strip."""
    narration: str | None = None
    """What is really said or done there, where known."""
    correct: bool | None = None
    """Whether it shows what was asked for, where known."""


@dataclass(frozen=True)
class QueryAnswer:
    """A text and the moments found for it, best first."""

    text: str
    hits: Sequence[Hit]


@dataclass(frozen=True)
class ReportMeta:
    """Facts about the run."""

    title: str
    """Heading of the page."""
    summary: str
    """One or two sentences: what was trained on what."""
    date: str
    """When the run ended."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What was run: number of videos, hours, model, updates."""
    stages: Sequence[tuple[str, float]] = ()
    """Name and seconds of every stage, in order."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Package -> version."""
    hashes: Mapping[str, str] = field(default_factory=dict)
    """What -> hexadecimal digest."""
    limits: str = ""
    """What keeps the result from being better, in plain words."""


def write_report(
    path: str | os.PathLike[str],
    *,
    loss_curve: LossCurve,
    table: Sequence[EvaluationResult],
    queries: Sequence[QueryAnswer],
    meta: ReportMeta,
) -> Path:
    """Write the page, atomically, and return its path.

    Args:
        path: The ``.html`` file.
        loss_curve: What training logged.
        table: Evaluations on the same split, the one to show off last; the line for chance is
            taken from their baselines.
        queries: Answered texts.
        meta: Facts about the run.

    Raises:
        DataError: If ``table`` is empty, or its results cannot be compared.
    """
    _check_comparable(table)
    scores = [hit.moment.score for query in queries for hit in query.hits]
    page = template("report.html.j2").render(
        chart=layout(loss_curve),
        columns=[_NAMES.get(name, name) for name in table[-1].metrics],
        rows=_rows(table),
        headline=_headline(table[-1]),
        counts=" · ".join(f"{number:,} {what}" for what, number in table[-1].counts.items()),
        result=table[-1],
        queries=queries,
        top_score=max([score for score in scores if score > 0], default=1.0),
        meta=meta,
        total=sum(seconds for _, seconds in meta.stages),
        longest=max((seconds for _, seconds in meta.stages), default=1.0) or 1.0,
    )
    with atomic_write(path, "w") as stream:
        stream.write(page)
    return Path(path)


def template(name: str) -> Template:
    """Return a template of this folder; it escapes every text, and knows pictures and durations."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"jpeg": jpeg_data_uri, "duration": format_duration}
    return environment.get_template(name)


def format_duration(seconds: float) -> str:
    """Return seconds as a person would say them: ``0.4 s``, ``48 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _check_comparable(table: Sequence[EvaluationResult]) -> None:
    if not table:
        raise DataError("The report needs at least one evaluation result; evaluate the model first.")
    for result in table:
        if list(result.metrics) != list(table[-1].metrics) or result.counts != table[-1].counts:
            raise DataError(
                f"The results '{result.name}' and '{table[-1].name}' cannot stand in one table: they count "
                f"{result.counts} and {table[-1].counts}, and measure {list(result.metrics)} and "
                f"{list(table[-1].metrics)}. Evaluate both on the same split."
            )


def _rows(table: Sequence[EvaluationResult]) -> list[tuple[str, list[str]]]:
    """Return one row for chance and one per result: name and printed values."""
    chance = [format_value(m.baseline, m.percent) for m in table[-1].metrics.values()]
    rows = [("chance", chance)]
    rows += [(r.name, [format_value(m.value, m.percent) for m in r.metrics.values()]) for r in table]
    return rows


def _headline(result: EvaluationResult) -> list[tuple[str, str, str]]:
    """Return (name, value, chance) of each metric of the result to show off."""
    return [
        (_NAMES.get(name, name), format_value(m.value, m.percent), format_value(m.baseline, m.percent))
        for name, m in result.metrics.items()
    ]
