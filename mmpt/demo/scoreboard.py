"""One table of all tasks: trivial answer, zero-shot, fine-tuned; and why, where a step is not upwards.

Comes in: result files of evaluations. Goes out: rows, and the same as text. No number without what
knowing nothing would score on the same items, and no row that hides that it is not above it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path
from typing import Any

from mmpt.errors import DataError
from mmpt.evaluators.results import EvaluationResult, MetricValue, read_result
from mmpt.evaluators.tables import align, format_value
from mmpt.pages.render import render
from mmpt.utils.units import format_seconds, metric_name

__all__ = ["Entry", "Row", "scoreboard", "scoreboard_page", "scoreboard_text"]

_STEPS = {"zero_shot": "zero-shot", "fine_tuned": "fine-tuned"}
HEADER = ("model", "task", "metric", "trivial", "zero-shot", "fine-tuned", "items", "notes")


@dataclass(frozen=True)
class Entry:
    """A line to be filled in: what was evaluated, and where the results are."""

    model: str
    task: str
    metric: str
    """Name of the number in the result files."""
    count: str
    """Name of the count of items in the result files, such as ``queries``; of a kind of them that the
    details count, such as ``foreground seconds``."""
    trivial: str
    """What knowing nothing means here, such as ``chance``."""
    zero_shot: Path | None
    """Result file; None if there is no such evaluation."""
    fine_tuned: Path | None
    """Result file; None if there is no such evaluation."""
    of_items: bool = True
    """Whether the number is a share of the items, whose standard error is known."""
    reasons: dict[str, str] = field(default_factory=dict)
    """Why there is no ``zero_shot`` or ``fine_tuned``; and, as ``zero_shot_low`` or ``fine_tuned_low``, why
    it may not be higher, where ``{name}`` stands for a value of the result's details."""


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    cells: tuple[str, ...]
    """One text per column of the header, without the notes."""
    notes: tuple[str, ...]
    """What has to be said about the numbers."""


def scoreboard(entries: Sequence[Entry]) -> list[Row]:
    """Read the result files and return one row per entry.

    Raises:
        DataError: If a file is missing, lacks the metric, or the two of an entry are of other items.
    """
    return [_row(entry) for entry in entries]


def scoreboard_page(rows: Sequence[Row], stages: Mapping[str, float]) -> str:
    """Return the table, its notes, and the seconds of every stage as a self-contained HTML page."""
    return render(
        Path(__file__).with_name("scoreboard.html.j2"),
        header=HEADER,
        rows=rows,
        notes=_all_notes(rows),
        stages=[(name, seconds, format_seconds(seconds)) for name, seconds in stages.items()],
    )


def scoreboard_text(rows: Sequence[Row]) -> str:
    """Return the table with its notes as numbered lines below."""
    notes = _all_notes(rows)
    marks = [" ".join(f"[{notes.index(note) + 1}]" for note in row.notes) for row in rows]
    lines = align([HEADER, *((*row.cells, mark) for row, mark in zip(rows, marks, strict=True))], left=3)
    return "\n".join([*lines, "", *(f"[{number}] {note}" for number, note in enumerate(notes, start=1))])


def _all_notes(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(note for row in rows for note in row.notes))


def _row(entry: Entry) -> Row:
    results = {
        name: read_result(path)
        for name, path in (("zero_shot", entry.zero_shot), ("fine_tuned", entry.fine_tuned))
        if path is not None
    }
    values = {name: _value(entry, result) for name, result in results.items()}
    details = {name: result.details for name, result in results.items()}
    items_of = {(values[name].baseline, tuple(result.counts.items())) for name, result in results.items()}
    if len(items_of) != 1:
        raise DataError(
            f"The results of {entry.model} for {entry.task} are of different items, or there are none: "
            f"{[(str(r.counts), values[name].baseline) for name, r in results.items()]}. Evaluate both again."
        )
    trivial = next(iter(values.values()))
    items = _items(entry, next(iter(results.values())))
    cells = (
        entry.model,
        entry.task,
        metric_name(entry.metric),
        f"{entry.trivial} {format_value(trivial.baseline, trivial.percent)}",
        *(_cell(values.get(name)) for name in ("zero_shot", "fine_tuned")),
        f"{items} {entry.count}",
    )
    return Row(cells, tuple(_notes(entry, values, details, items)))


def _items(entry: Entry, result: EvaluationResult) -> int:
    kind, _, what = entry.count.rpartition(" ")
    return result.details[what][kind] if kind else result.counts[what]


def _value(entry: Entry, result: EvaluationResult) -> MetricValue:
    if entry.metric not in result.metrics:
        raise DataError(
            f"The result '{result.name}' of {entry.model} for {entry.task} has no metric '{entry.metric}'; "
            f"it has {', '.join(result.metrics)}."
        )
    return result.metrics[entry.metric]


def _cell(value: MetricValue | None) -> str:
    return "–" if value is None else format_value(value.value, value.percent)


def _notes(
    entry: Entry, values: Mapping[str, MetricValue], details: Mapping[str, Mapping[str, Any]], items: int
) -> Iterator[str]:
    """Yield why a number is missing, and why one is not higher than the one before it."""
    before, name_before = next(iter(values.values())).baseline, "the trivial answer"
    for key, name in _STEPS.items():
        if key not in values:
            yield f"{name}: {entry.reasons[key]}"
            continue
        value = values[key].value
        reason = entry.reasons.get(f"{key}_low", "").format_map(details[key])
        if value <= before:
            yield f"{name} is not above {name_before}: {reason or 'no reason is known.'}"
        elif entry.of_items and value - before < _noise(before, value, items):
            yield (
                f"{name} is above {name_before} by less than two standard errors of {items} items, "
                f"which may be chance{': ' + reason if reason else '.'}"
            )
        before, name_before = value, name


def _noise(one: float, other: float, items: int) -> float:
    """Return two standard errors of the difference of two shares, each over all items."""
    return 2 * sqrt((one * (1 - one) + other * (1 - other)) / items)
