"""From runs to pages: ``<run>/report.html`` of one, ``comparison.html`` of several."""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mmpt.config.yamlfile import dump_yaml
from mmpt.errors import MMPTError
from mmpt.evaluators.results import EvaluationResult
from mmpt.evaluators.tables import format_value
from mmpt.pages.chart import COLOURS
from mmpt.pages.render import write_page
from mmpt.report import confusion
from mmpt.report.about import Query
from mmpt.report.curves import checkpoint_charts, loss_chart, other_charts, overlaid_charts
from mmpt.report.examples import Pictures, retrieval_examples
from mmpt.report.notes import notes, progress_of
from mmpt.report.run import Evaluation, Run, read_run
from mmpt.report.settings import ABSENT, differences
from mmpt.utils.units import format_bytes, format_seconds, utc_now

__all__ = ["COMPARISON_FILE", "REPORT_FILE", "comparison_path", "write_comparison", "write_report"]

REPORT_FILE = "report.html"
COMPARISON_FILE = "comparison.html"
_HERE = Path(__file__).parent
_NAMES = {"R1": "R@1", "R5": "R@5", "R10": "R@10", "MR": "median rank"}


def write_report(folder: Path, videos: Sequence[Path] = ()) -> Path:
    """Write the page of a run into its folder, and return its path.

    Args:
        folder: The run.
        videos: Folders with its videos; by default they are where the features were made of them.

    Raises:
        DataError: If there is no run, or the page cannot be written.
    """
    run, pictures = read_run(folder), Pictures(videos)
    evaluations = [_evaluation(each, pictures) for each in run.evaluations]
    asked = [_shown(query, pictures, None) for query in run.about.queries]
    return write_page(
        folder / REPORT_FILE,
        _HERE / "report.html.j2",
        run=run,
        lead=run.about.summary or _lead(run),
        facts=[*_facts(run), *run.about.facts.items()],
        notes=notes(run),
        tiles=_tiles(run),
        loss=loss_chart(run) if run.record else None,
        charts=other_charts(run),
        evaluations=evaluations,
        queries=asked,
        missing=pictures.missing,
        config=dump_yaml(dict(run.config)),
        times=_times(run),
        hardware=_hardware(run),
        proof=_proof(run),
        made=utc_now(),
    )


def comparison_path(folders: Sequence[Path]) -> Path:
    """Return where the comparison of runs goes: beside them, in the folder that holds all."""
    return Path(os.path.commonpath([folder.resolve() for folder in folders])) / COMPARISON_FILE


def write_comparison(path: Path, folders: Sequence[Path]) -> Path:
    """Write a page that lays runs over each other, and return its path.

    Raises:
        DataError: If one of them is no run, or the page cannot be written.
    """
    runs = [read_run(folder) for folder in folders]
    names = _short_names(folders)
    links = [os.path.relpath(folder.resolve() / REPORT_FILE, path.resolve().parent) for folder in folders]
    rows = [
        {
            "name": name,
            "link": link,
            "colour": f"c{number % COLOURS}",
            "state": run.state,
            "facts": dict(_facts(run)),
            "notes": notes(run),
            "hardware": _hardware(run),
        }
        for number, (run, name, link) in enumerate(zip(runs, names, links, strict=True))
    ]
    return write_page(
        path,
        _HERE / "comparison.html.j2",
        rows=rows,
        columns=list(dict.fromkeys(key for row in rows for key in row["facts"])),
        charts=overlaid_charts(runs, names),
        results=_results_side_by_side(runs),
        differences=differences([run.config for run in runs]),
        names=names,
        made=utc_now(),
    )


def _short_names(folders: Sequence[Path]) -> list[str]:
    """Return what tells the folders apart: each without what all begin with."""
    resolved = [folder.resolve() for folder in folders]
    common = Path(os.path.commonpath(resolved)) if len(set(resolved)) > 1 else resolved[0].parent
    return [f.relative_to(common).as_posix() if f != common else f.name for f in resolved]


def _lead(run: Run) -> str:
    model = (run.config.get("model") or {}).get("model_cls")
    loss = (run.config.get("loss") or {}).get("loss_cls")
    return " trained with ".join(name for name in (model, loss if run.record else None) if name)


def _facts(run: Run) -> list[tuple[str, str]]:
    """Return what there is to know at a glance."""
    facts = []
    if run.record:
        facts.append(("progress", progress_of(run)))
        facts.append(("time", format_seconds(sum(session.seconds for session in run.record.sessions))))
        if began := next((session.time for session in run.record.sessions if session.time), None):
            facts.append(("began", _date(began)))
        if best := min(((loss, update) for update, loss in run.record.valid if loss == loss), default=None):
            facts.append(("best validation loss", f"{best[0]:.4g} at update {best[1]:,}"))
    return [(name, value) for name, value in facts if value not in ("", "0.0 s")]


def _date(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _tiles(run: Run) -> list[tuple[str, str, str]]:
    """Return the numbers to show off: those of the first evaluation, or the last losses."""
    if run.evaluations:
        return [
            (
                _NAMES.get(name, name),
                format_value(m.value, m.percent),
                f"baseline {format_value(m.baseline, m.percent)}",
            )
            for name, m in run.evaluations[0].main.metrics.items()
        ]
    record = run.record
    losses = [("training loss", record.train), ("validation loss", record.valid)] if record else []
    return [(name, f"{points[-1][1]:.4g}", f"update {points[-1][0]:,}") for name, points in losses if points]


def _evaluation(evaluation: Evaluation, pictures: Pictures) -> dict[str, Any]:
    """Return what the page shows of an evaluation."""
    main, said = evaluation.main, []
    examples: list[dict[str, Any]] = []
    confused = None
    try:
        confused = confusion.of_result(evaluation.folder, main)
        if main.metric == "RetrievalMetric":
            features = main.features.get("folder")
            examples = [
                _shown(query, pictures, Path(features) if features else None)
                for query in retrieval_examples(evaluation.folder, main)
            ]
    except MMPTError as error:
        said.append(str(error))
    details = main.details
    return {
        "name": evaluation.name,
        "main": main,
        "columns": [_NAMES.get(name, name) for name in main.metrics],
        "rows": _rows(evaluation.results),
        "charts": checkpoint_charts(evaluation),
        "notes": [*_left_out(main), *details.get("notes", []), *said],
        "classes": next(
            (_class_table(details[key]) for key in ("per_class", "per_task") if key in details), None
        ),
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


def _class_table(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return header and cells of what was measured of each class, or task."""
    header = list(dict.fromkeys(key for row in rows.values() for key in row))
    shares = {key for key in header if any(isinstance(row.get(key), float) for row in rows.values())}
    cells = [(name, [_cell(row.get(key), key in shares) for key in header]) for name, row in rows.items()]
    return {"header": [key.replace("_", " ") for key in header], "rows": cells}


def _cell(value: Any, is_share: bool) -> str:
    if value is None:
        return ABSENT
    return f"{100 * value:.1f} %" if is_share else str(value)


def _shown(query: Query, pictures: Pictures, features: Path | None) -> dict[str, Any]:
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


def _results_side_by_side(runs: Sequence[Run]) -> list[dict[str, Any]]:
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
            "metric": _NAMES.get(name, name),
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


def _times(run: Run) -> list[tuple[str, float, str]]:
    """Return name, seconds and text of what took time."""
    sessions = run.record.sessions if run.record else ()
    rows = [
        (f"training {number}" if len(sessions) > 1 else "training", session.seconds)
        for number, session in enumerate(sessions, start=1)
        if session.seconds
    ]
    rows += [
        (f"evaluation {each.name}".strip(), each.main.seconds)
        for each in run.evaluations
        if each.main.seconds
    ]
    rows = list(run.stages.items()) or rows
    return [(name, seconds, format_seconds(seconds)) for name, seconds in rows]


def _hardware(run: Run) -> list[tuple[str, str]]:
    """Return what the run was computed on: its last session, or its newest evaluation."""
    said = [session.hardware for session in (run.record.sessions if run.record else ()) if session.hardware]
    said += [each.main.hardware for each in run.evaluations if each.main.hardware]
    if not said:
        return []
    facts = said[-1] if not run.record else said[0]
    rows = [("processor", str(facts.get("processor", ABSENT))), ("cores", str(facts.get("cores", ABSENT)))]
    if facts.get("memory"):
        rows.append(("memory", format_bytes(facts["memory"])))
    gpus = facts.get("gpus", [])
    rows.append(("GPUs", ", ".join(f"{gpus.count(name)} × {name}" for name in dict.fromkeys(gpus)) or "none"))
    if facts.get("processes", 1) > 1:
        rows.append(("processes", str(facts["processes"])))
    return rows + [(name, str(version)) for name, version in facts.get("versions", {}).items()]


def _proof(run: Run) -> list[tuple[str, str, str]]:
    """Return what the results were computed from, digests shortened."""
    rows = []
    for evaluation in run.evaluations:
        result, of = evaluation.main, f", {evaluation.name}" if evaluation.name else ""
        rows.append(
            (
                f"code{of}",
                " · ".join(filter(None, [result.code.get("mmpt"), (result.code.get("commit") or "")[:12]])),
                "",
            )
        )
        for name, digest in (
            ("checkpoint", (result.checkpoint or {}).get("sha256")),
            (f"features, {result.features.get('files', 0)} files", result.features.get("sha256")),
        ):
            if digest:
                rows.append((f"{name}{of}", f"{digest[:16]}…", digest))
        rows.append((f"device{of}", result.device, ""))
    rows += [(name, f"{digest[:16]}…", digest) for name, digest in run.about.hashes.items()]
    return rows
