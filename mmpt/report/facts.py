"""What there is to know of a run at a glance: its best numbers, time, hardware, and what to check it by."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from mmpt.evaluators.tables import format_value
from mmpt.report.notes import progress_of
from mmpt.report.run import Run
from mmpt.report.settings import ABSENT
from mmpt.utils.units import format_bytes, format_seconds, metric_name

__all__ = ["facts", "hardware", "lead", "proof", "tiles", "times"]


def lead(run: Run) -> str:
    """Return what was trained, or evaluated."""
    model = (run.config.get("model") or {}).get("model_cls")
    loss = (run.config.get("loss") or {}).get("loss_cls") if run.record else None
    return " trained with ".join(filter(None, (model, loss)))


def facts(run: Run) -> list[tuple[str, str]]:
    """Return how far the training came, when, and how well."""
    if run.record is None:
        return []
    sessions = run.record.sessions
    began = next((session.time for session in sessions if session.time), None)
    best = min(((loss, update) for update, loss in run.record.valid if math.isfinite(loss)), default=None)
    seconds = sum(session.seconds for session in sessions)
    return [
        ("progress", progress_of(run)),
        *([("time", format_seconds(seconds))] if seconds else []),
        *([("began", _date(began))] if began else []),
        *([("best validation loss", f"{best[0]:.4g} at update {best[1]:,}")] if best else []),
    ]


def _date(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def tiles(run: Run) -> list[tuple[str, str, str]]:
    """Return the numbers to show off: all metrics of one evaluation, the first of several, or losses."""
    if run.evaluations:
        several = len(run.evaluations) > 1
        shown = [
            (f"{each.name} {metric_name(name)}".strip() if several else metric_name(name), metric)
            for each in run.evaluations
            for name, metric in list(each.main.metrics.items())[: 1 if several else None]
        ]
        return [
            (name, format_value(m.value, m.percent), f"baseline {format_value(m.baseline, m.percent)}")
            for name, m in shown
        ]
    record = run.record
    losses = [("training loss", record.train), ("validation loss", record.valid)] if record else []
    return [(name, f"{points[-1][1]:.4g}", f"update {points[-1][0]:,}") for name, points in losses if points]


def times(run: Run) -> list[tuple[str, float, str]]:
    """Return name, seconds and text of what took time."""
    if run.stages:
        rows = list(run.stages.items())
    else:
        recorded = run.record.sessions if run.record else []
        sessions = [session for session in recorded if session.trained and session.seconds]
        names = [f"training {n}" for n in range(1, len(sessions) + 1)] if len(sessions) > 1 else ["training"]
        rows = [(name, session.seconds) for name, session in zip(names, sessions, strict=False)]
        rows += [
            (f"evaluation {each.name}".strip(), each.main.seconds)
            for each in run.evaluations
            if each.main.seconds
        ]
    return [(name, seconds, format_seconds(seconds)) for name, seconds in rows]


def hardware(run: Run) -> list[tuple[str, str]]:
    """Return what the newest evaluation was computed on; where something was trained, the last training."""
    said: list[Mapping[str, Any]] = [each.main.hardware for each in run.evaluations]
    said += [session.hardware for session in run.record.sessions] if run.record else []
    found = next(filter(None, reversed(said)), None)
    if found is None:
        return []
    gpus = found.get("gpus", [])
    rows = [
        ("processor", found.get("processor", ABSENT)),
        ("cores", found.get("cores", ABSENT)),
        ("memory", format_bytes(found["memory"]) if "memory" in found else ABSENT),
        ("GPUs", ", ".join(f"{gpus.count(name)} × {name}" for name in dict.fromkeys(gpus)) or "none"),
        *([("processes", found["processes"])] if found.get("processes", 1) > 1 else []),
        *found.get("versions", {}).items(),
    ]
    return [(name, str(value)) for name, value in rows]


def proof(run: Run) -> list[tuple[str, ...]]:
    """Return what the results were computed from; of digests the beginning, and the whole."""
    rows: list[tuple[str, ...]] = []
    for evaluation in run.evaluations:
        result, of = evaluation.main, f", {evaluation.name}" if evaluation.name else ""
        code = [result.code.get("mmpt"), (result.code.get("commit") or "")[:12]]
        rows += [(f"code{of}", " · ".join(filter(None, code))), (f"device{of}", result.device)]
        for name, digest in (
            ("checkpoint", (result.checkpoint or {}).get("sha256")),
            (f"features, {result.features.get('files', 0)} files", result.features.get("sha256")),
        ):
            rows += [(f"{name}{of}", f"{digest[:16]}…", digest)] if digest else []
    return rows + [(name, f"{digest[:16]}…", digest) for name, digest in run.about.hashes.items()]
