"""What pages show of evaluations: tables, classes, examples; and the results of several runs side by side."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmpt.errors import MMPTError
from mmpt.evaluators.results import EvaluationResult
from mmpt.evaluators.tables import format_value
from mmpt.report import confusion
from mmpt.report.about import Query
from mmpt.report.curves import checkpoint_charts
from mmpt.report.examples import Pictures, retrieval_examples
from mmpt.report.run import Evaluation, Run
from mmpt.report.settings import ABSENT
from mmpt.utils.units import metric_name

__all__ = ["results_side_by_side", "show_evaluation", "show_query"]


def show_evaluation(evaluation: Evaluation, pictures: Pictures) -> dict[str, Any]:
    """Return what the page shows of an evaluation."""
    main, said = evaluation.main, []
    examples: list[dict[str, Any]] = []
    confused = None
    try:
        confused = confusion.of_result(evaluation.folder, main)
        if main.metric == "RetrievalMetric":
            features = main.features.get("folder")
            examples = [
                show_query(query, pictures, Path(features) if features else None)
                for query in retrieval_examples(evaluation.folder, main)
            ]
    except MMPTError as error:
        said.append(str(error))
    details = main.details
    return {
        "name": evaluation.name,
        "main": main,
        "columns": [metric_name(name) for name in main.metrics],
        "rows": _rows(evaluation.results),
        "charts": checkpoint_charts(evaluation),
        "notes": [*_left_out(main), *details.get("notes", []), *said],
        "classes": _class_table(evaluation.folder, main),
        "captions": [each for each in details.get("examples", []) if "caption" in each],
        "confusion": confused,
        "examples": examples,
    }


def _rows(results: Sequence[EvaluationResult]) -> list[tuple[str, list[str]]]:
    main = results[-1]
    rows = [("baseline", [format_value(m.baseline, m.percent) for m in main.metrics.values()])]
    return rows + [(r.name, [format_value(m.value, m.percent) for m in r.metrics.values()]) for r in results]


def _left_out(result: EvaluationResult) -> list[str]:
    lines = [f"Left out: {number} ({reason})." for reason, number in result.skipped.items() if number]
    lines += [f"Without effect: {number} ({reason})." for reason, number in result.ignored.items()]
    if result.selected_from > 1:
        lines.append(
            f"The best of {result.selected_from} checkpoints compared on this split itself is optimistic."
        )
    return lines


def _class_table(folder: Path, result: EvaluationResult) -> dict[str, Any] | None:
    """Return title, header and cells of what was measured of each class, or task; None if nothing was."""
    for kind, title in (("per_class", "classes"), ("per_task", "tasks")):
        if rows := result.details.get(kind):
            names = confusion.class_names(folder, result) if kind == "per_class" else []
            labels = [names[int(key)] if key.isdigit() and int(key) < len(names) else key for key in rows]
            header = list(dict.fromkeys(key for row in rows.values() for key in row))
            shares = {key for key in header if any(isinstance(row.get(key), float) for row in rows.values())}
            cells = [[_cell(row.get(key), key in shares) for key in header] for row in rows.values()]
            return {
                "title": f"Each of {len(rows)} {title}",
                "header": [key.replace("_", " ") for key in header],
                "rows": list(zip(labels, cells, strict=True)),
            }
    return None


def _cell(value: Any, is_share: bool) -> str:
    if value is None:
        return ABSENT
    return f"{100 * value:.1f} %" if is_share else str(value)


def show_query(query: Query, pictures: Pictures, features: Path | None) -> dict[str, Any]:
    """Return a query with the frames of its hits, and the lengths of the bars of their scores."""
    top = max((hit.score for hit in query.hits), default=0.0)
    hits = [
        {
            "hit": hit,
            "frames": pictures.strip(hit, features),
            "bar": max(hit.score, 0.0) / top if top > 0 else 0.0,
        }
        for hit in query.hits
    ]
    return {"text": query.text, "verdict": query.verdict, "hits": hits}


def results_side_by_side(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Return a row for each metric of each evaluation that a run has, with the newest value of every run."""
    found: dict[tuple[str, str, str], dict[int, Any]] = {}
    for number, run in enumerate(runs):
        for evaluation in run.evaluations:
            result = evaluation.main
            for name, value in result.metrics.items():
                found.setdefault((evaluation.name, result.split, name), {})[number] = (value, result)
    return [
        {
            "task": task,
            "split": split,
            "metric": metric_name(name),
            "baseline": _one({format_value(v.baseline, v.percent) for v, _ in values.values()}),
            "values": [
                format_value(values[n][0].value, values[n][0].percent) if n in values else ABSENT
                for n in range(len(runs))
            ],
            "counts": _one({_counts(result) for _, result in values.values()}),
        }
        for (task, split, name), values in found.items()
    ]


def _one(texts: set[str]) -> str:
    """Return what all say; that they differ is worth a word."""
    return texts.pop() if len(texts) == 1 else "differs"


def _counts(result: EvaluationResult) -> str:
    return ", ".join(f"{number:,} {what}" for what, number in result.counts.items())
