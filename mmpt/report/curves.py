"""The charts of runs: what was logged while training, and what checkpoints score."""

import re
from collections.abc import Iterator, Sequence
from math import log
from typing import NamedTuple

from mmpt.evaluators.results import EvaluationResult
from mmpt.pages.chart import COLOURS, LARGE, SMALL, Chart, Series, layout
from mmpt.report.run import Evaluation, Run
from mmpt.utils.units import metric_name

__all__ = ["checkpoint_charts", "loss_chart", "other_charts", "overlaid_charts"]


class _Kind(NamedTuple):
    """How a logged value is shown."""

    title: str
    scale: float = 1.0


_KINDS = {
    "loss": _Kind("Loss"),
    "lr": _Kind("Learning rate"),
    "gradient_norm": _Kind("Norm of the gradient"),
    "updates_per_second": _Kind("Updates per second"),
    "samples_per_second": _Kind("Samples per second"),
    "memory": _Kind("Memory, GiB", 2**-30),
    "gpu_memory": _Kind("Memory of the GPU, GiB", 2**-30),
    "loss_scale": _Kind("Scale of the loss (fp16)"),
}
_SPLITS = {"train": "training", "valid": "validation"}
_NUMBERED = re.compile(r"checkpoint_?(\d+)(?:_(\d+))?")


def loss_chart(run: Run) -> Chart:
    """Return the training and validation loss, beside that of guessing where it is known."""
    record = run.record
    curves = [
        Series("training", record.train if record else [], "plain"),
        Series("validation", record.valid if record else [], "c0", dots=True),
    ]
    return layout("Loss", curves, reference=_guessing(run))


def _guessing(run: Run) -> tuple[str, float] | None:
    """Return the loss of guessing: 2 ln B for the contrastive loss of B pairs of one worker."""
    loss, dataset = (run.config.get(section) or {} for section in ("loss", "dataset"))
    pairs = run.options().get("batch_size")
    sessions = run.record.sessions if run.record else ()
    alone = all(session.hardware.get("processes", 1) == 1 for session in sessions)
    # With batches of neighbours an item is a batch; gathered negatives are those of all workers.
    plain = loss.get("loss_cls") == "MMContraLoss" and not dataset.get("num_video_per_batch")
    return ("guessing", 2 * log(pairs)) if plain and pairs and (alone or not loss.get("gather")) else None


def other_charts(run: Run) -> list[Chart]:
    """Return a small chart for everything else that was logged."""
    return [
        layout(title, [Series(run.title, points, "c0")], size=SMALL)
        for split, name, title, scale in _logged([run])
        if name != "loss" and (points := _scaled(run, split, name, scale))
    ]


def overlaid_charts(runs: Sequence[Run], names: Sequence[str]) -> tuple[list[Chart], list[Chart]]:
    """Return charts of the losses, and of all else, with a curve of each run that logged it."""
    losses, others = [], []
    for split, name, title, scale in _logged(runs):
        curves = [
            Series(label, _scaled(run, split, name, scale), f"c{number % COLOURS}", dots=split == "valid")
            for number, (run, label) in enumerate(zip(runs, names, strict=True))
        ]
        if name == "loss":
            losses.append(layout(f"{_SPLITS[split].capitalize()} loss", curves))
        else:
            others.append(layout(title, curves, size=SMALL))
    return losses, others


def _logged(runs: Sequence[Run]) -> Iterator[tuple[str, str, str, float]]:
    """Yield split, name, title and scale of everything that one of the runs logged."""
    for split, word in _SPLITS.items():
        for name in dict.fromkeys(name for run in runs if run.record for name in run.record.names(split)):
            kind = _KINDS.get(name, _Kind(name))
            title = kind.title if split == "train" else f"{kind.title}, {word}"
            yield split, name, title, kind.scale


def _scaled(run: Run, split: str, name: str, scale: float) -> list[tuple[float, float]]:
    return [(update, value * scale) for update, value in run.record.curve(split, name)] if run.record else []


def checkpoint_charts(evaluation: Evaluation) -> list[Chart]:
    """Return the main metric of checkpoints by epoch, and by update: of each where there are two or more."""
    # checkpoint3 is that of an epoch, checkpoint_3_1500 that of an update.
    numbered: dict[str, list[tuple[int, EvaluationResult]]] = {"epoch": [], "update": []}
    for result in evaluation.results:
        if result.metrics and (found := _NUMBERED.fullmatch(result.name)):
            numbered["update" if found[2] else "epoch"].append((int(found[2] or found[1]), result))
    return [_checkpoint_chart(by, results) for by, results in numbered.items() if len(results) > 1]


def _checkpoint_chart(by: str, numbered: Sequence[tuple[int, EvaluationResult]]) -> Chart:
    name, value = next(iter(numbered[0][1].metrics.items()))
    factor = 100 if value.percent else 1
    points = [(number, factor * result.metrics[name].value) for number, result in numbered]
    label = metric_name(name)
    title = f"{label}, %" if value.percent else label
    baseline = ("baseline", factor * value.baseline)
    return layout(title, [Series(label, points, "c0", dots=True)], reference=baseline, x_label=by, size=LARGE)
