"""How a run stands, and what has to be known before its numbers are believed, in sentences."""

import math
import time
from collections.abc import Iterator

from mmpt.report.run import Run
from mmpt.utils.trainlog import METRICS_FILE
from mmpt.utils.units import format_seconds

__all__ = ["notes", "progress_of"]


def progress_of(run: Run) -> str:
    """Return how far the training has come, such as ``update 90, epoch 2 of 9``."""
    if run.record is None:
        return ""
    options, rows = run.options(), [row for rows in run.record.rows.values() for row in rows]
    parts = [f"update {run.update:,}"]
    if options.get("max_update"):
        parts[0] += f" of {options['max_update']:,}"
    if epoch := max((int(row.get("epoch", 0)) for row in rows), default=0):
        parts.append(f"epoch {epoch}" + (f" of {options['max_epoch']}" if options.get("max_epoch") else ""))
    return ", ".join(parts)


def notes(run: Run) -> list[str]:
    """Return what is unusual about a run; nothing if nothing is."""
    return [*_of_state(run), *_of_losses(run), *_of_files(run)]


def _of_state(run: Run) -> Iterator[str]:
    if run.record is None:
        yield f"No training was logged here: there is no {METRICS_FILE}. Shown is what was evaluated."
        return
    if run.state == "running":
        age = max(0.0, time.time() - (run.folder / METRICS_FILE).stat().st_mtime)
        yield (
            f"The training is running: {progress_of(run)}; it was last heard of {format_seconds(age)} before "
            "this page was made."
        )
    if run.state == "stopped":
        patience = run.options().get("patience")
        early = f", or ended early by patience {patience}" if patience and patience > 0 else ""
        yield (
            f"The training stopped at {progress_of(run)}: it was interrupted or failed{early}. "
            "The same command goes on from its last checkpoint."
        )
    trained = [session for session in run.record.sessions if session.trained]
    if len(trained) > 1:
        times = ", ".join(format_seconds(session.seconds) for session in trained)
        yield f"It was trained in {len(trained)} sessions ({times}); what was trained twice is shown once."


def _of_losses(run: Run) -> Iterator[str]:
    if run.record is None:
        return
    if not run.record.train:
        interval = run.options().get("log_interval", 100)
        yield f"There is no training loss yet: the first is logged after {interval} updates (log_interval)."
    for name, points in (("training", run.record.train), ("validation", run.record.valid)):
        wrong = [update for update, loss in points if not math.isfinite(loss)]
        if wrong:
            yield (
                f"The {name} loss is not finite (NaN or infinite) at {len(wrong)} of {len(points)} points, "
                f"first at update {wrong[0]:,}; the curve has gaps there. Try a lower learning rate, "
                "clip_norm or more warm-up, and look for NaN in the features: mmpt doctor."
            )
    if run.record.train and not run.record.valid:
        begun = max(row.get("epoch", 2) for row in run.record.rows["train"]) > 1
        why = (
            "see disable_validation, validate_interval" if begun else "the first comes at the end of an epoch"
        )
        yield f"There is no validation loss: {why}. Without it nobody sees when it begins to learn by heart."


def _of_files(run: Run) -> Iterator[str]:
    if run.record is not None and run.record.unreadable:
        lines = run.record.unreadable
        yield (
            f"{lines} line{'s' if lines > 1 else ''} of {METRICS_FILE} could not be read and "
            f"{'were' if lines > 1 else 'was'} left out, as a killed process or a full disk leaves them."
        )
    yield from run.problems
