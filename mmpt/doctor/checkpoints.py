"""Checkpoints: whether those that a task starts from are there, and are of its model."""

import logging
import os
import warnings
from collections.abc import Iterator, Mapping

from mmpt.config import TaskConfig
from mmpt.config.derive import training_options
from mmpt.doctor.finding import Finding
from mmpt.errors import MMPTError
from mmpt.store.modelfolder import weight_file

__all__ = ["inspect_checkpoints"]


def inspect_checkpoints(
    config: TaskConfig,
    evaluates: bool,
    tasks: Mapping[str, TaskConfig],
    comparable: bool,
    whole_project: bool,
) -> Iterator[Finding]:
    """Yield how it stands with the checkpoint that is evaluated, or that training starts from.

    Args:
        config: The task.
        evaluates: Whether it tests a model; it trains one otherwise.
        tasks: The other tasks of its project, by file.
        comparable: Whether all that the model is built of is there, so that it can be compared.
        whole_project: Whether those tasks run too, the ones that write checkpoints first.
    """
    options = training_options(config.fairseq)
    path = options.get("path" if evaluates else "restore_file")
    if path is None:
        return
    what = "checkpoint to evaluate" if evaluates else "checkpoint to start from"
    maker = _maker(path, tasks)
    train = f"mmpt launch {maker}" if maker else ""
    weights = weight_file(path)
    if not weights.is_file():
        if maker and whole_project:
            yield Finding("waits", what, path, f"{maker} writes it")
        else:
            key = "common_eval.path" if evaluates else "checkpoint.restore_file"
            todo = train or f"put a checkpoint there, or correct fairseq.{key}"
            yield Finding("missing", what, path, "is not there", todo=todo)
        return
    size = f"{weights.stat().st_size / 1e6:.0f} MB"
    if not comparable:
        yield Finding("note", what, path, f"{size}; compared with the model once the rest is there")
        return
    fault = _fault(config, path, complete=evaluates)
    if fault:
        yield Finding("broken", what, path, fault, todo=train or "give a checkpoint of this task's model")
    else:
        yield Finding("ok", what, path, f"{size}, of this task's model")


def _maker(path: str, tasks: Mapping[str, TaskConfig]) -> str | None:
    """Return the task that trains into the folder of a checkpoint."""
    for name, task in tasks.items():
        folder = training_options(task.fairseq).get("save_dir")
        if folder and os.path.normpath(folder) == os.path.normpath(os.path.dirname(path)):
            return name
    return None


def _fault(config: TaskConfig, path: str, complete: bool) -> str:
    """Return why the weights in a file cannot be those of the task's model, or nothing."""
    import torch

    from mmpt.models import build_model, load_into
    from mmpt.store.featurewidth import with_feature_width

    logger = logging.getLogger("mmpt.models.checkpoint")
    level = logger.level
    logger.setLevel(logging.ERROR)  # what fine-tuning leaves out is no fault
    try:
        # A model on "meta" has shapes and no memory: only names and shapes are compared.
        with torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            model = build_model(with_feature_width(config), pretrained=False)
            load_into(model, path, complete=complete)
    except MMPTError as error:
        return str(error)
    finally:
        logger.setLevel(level)
    return ""
