"""Evaluate a model as its task file says: data, inference loop, predictor, metric, result file.

Comes in: a task configuration and a model or checkpoint. Goes out: an
:class:`~mmpt.evaluators.results.EvaluationResult`, and the predictions beside it on disk.
"""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader

from mmpt.catalog import METRICS, PREDICTORS, TASKS
from mmpt.config import TaskConfig
from mmpt.config.derive import training_options
from mmpt.errors import CheckpointError, ConfigError
from mmpt.evaluators.features import feature_files, feature_making
from mmpt.evaluators.items import describe_items
from mmpt.evaluators.loop import run_inference
from mmpt.evaluators.metric import Metric
from mmpt.evaluators.predictor import Predictions, Predictor
from mmpt.evaluators.results import (
    EvaluationResult,
    MetricValue,
    code_version,
    feature_fingerprint,
    write_result,
)
from mmpt.models.checkpoint import load_into
from mmpt.store.modelfolder import weight_file
from mmpt.utils import get_logger, set_seed
from mmpt.utils.device import pick_device
from mmpt.utils.files import atomic_write, sha256, write_json
from mmpt.utils.hardware import hardware
from mmpt.utils.units import utc_now

__all__ = ["Evaluator", "evaluate", "evaluate_untrained"]

logger = get_logger(__name__)


class Evaluator:
    """Evaluates any number of models on the split that one task file names.

    The data set is built once; each call of :meth:`evaluate` is one pass over it.

    Args:
        config: The task; ``predictor`` is needed, ``metric`` may be absent (predictions only).
        device: ``cpu``, ``cuda`` or ``cuda:<n>``; None for the first GPU, or the CPU without one.
        dtype: Floating-point type of weights and features.

    Raises:
        ConfigError: If ``predictor`` is absent, a class is unknown, or the device is not there.
        DataError: If the split is empty.
    """

    def __init__(
        self, config: TaskConfig, *, device: str | None = None, dtype: torch.dtype = torch.float32
    ) -> None:
        if config.predictor is None:
            raise ConfigError(f"The key predictor is missing. Known: {', '.join(PREDICTORS.names())}.")
        self.config = config
        self.device, self.dtype = pick_device(device), dtype
        self.predictor: Predictor = PREDICTORS.get(config.predictor)(config)
        self.metric: Metric | None = METRICS.get(config.metric)(config) if config.metric else None
        self.split = config.dataset.split or "test"
        self.task = TASKS.get(config.task).config_task(config)
        self.dataset = self.task.build_dataset(self.split)

    def predict(self, model: nn.Module) -> Predictions:
        """Run ``model`` over the split and return the predictions; nothing is written."""
        options = training_options(self.config.fairseq)
        batches = DataLoader(
            self.dataset,
            batch_size=options.get("batch_size") or 256,
            num_workers=options.get("num_workers") or 0,
            collate_fn=self.dataset.collater,
            pin_memory=self.device.type == "cuda",
        )
        return run_inference(
            model,
            batches,
            self.dataset,
            self.predictor,
            self.task.forward,
            device=self.device,
            dtype=self.dtype,
        )

    def evaluate(
        self,
        model: nn.Module,
        name: str,
        *,
        save_path: str | os.PathLike[str] | None = None,
        checkpoint: dict[str, Any] | None = None,
        selected_from: int = 1,
    ) -> EvaluationResult:
        """Predict, compute the metric and its baseline, and write everything to a folder.

        Args:
            model: The model.
            name: Name of this evaluation; files are ``<name>.result.json``, ``<name>.scores.npy``...
            save_path: Folder of the files; ``eval.save_path`` by default. Without both nothing is written.
            checkpoint: What the model was loaded from, as :func:`evaluate` records it.
            selected_from: Number of checkpoints that are compared on this split.
        """
        begin = time.monotonic()
        predictions = self.predict(model)
        seconds = time.monotonic() - begin
        metrics, details = self._measured(predictions.arrays)
        result = EvaluationResult(
            name=name,
            split=self.split,
            predictor=type(self.predictor).__name__,
            metric=type(self.metric).__name__ if self.metric else None,
            metrics=metrics,
            details=details,
            counts=predictions.counts,
            skipped=self.dataset.report["dropped"],
            ignored=self.dataset.report["ignored"],
            features=self._features(predictions.ids),
            checkpoint=checkpoint,
            code=code_version(),
            device=f"{self.device}, {str(self.dtype).removeprefix('torch.')}",
            predictions={array: f"{name}.{array}.npy" for array in predictions.arrays},
            date=utc_now(),
            seconds=round(seconds, 3),
            hardware=hardware(),
            selected_from=selected_from,
            config=_without_none(asdict(self.config)),
        )
        folder = save_path if save_path is not None else self.config.eval.save_path
        if folder is not None:
            _save(Path(folder), result, predictions, describe_items(self.dataset.meta_processor))
        return result

    def _measured(self, arrays: Mapping[str, NDArray]) -> tuple[dict[str, MetricValue], dict[str, Any]]:
        """Return the numbers beside their baselines, and details; nothing without a metric."""
        if self.metric is None:
            return {}, {}
        values, baseline = self.metric.compute(**arrays), self.metric.baseline(**arrays)
        percent = self.metric.percent
        metrics = {key: MetricValue(values[key], baseline[key], key in percent) for key in values}
        return metrics, self.metric.details(**arrays)

    def _features(self, ids: Sequence[str]) -> dict[str, Any]:
        """Return what there is to know of the features of some videos."""
        folder = self.config.dataset.vfeat_dir
        files = feature_files(folder, self.split, ids) if folder else []
        made = feature_making(folder, self.split) if folder else {}
        return {"folder": folder, "made": made, **feature_fingerprint(files)}


def evaluate(
    config: TaskConfig,
    *,
    checkpoint: str | os.PathLike[str] | None = None,
    device: str | None = None,
    dtype: torch.dtype = torch.float32,
    evaluator: Evaluator | None = None,
    selected_from: int = 1,
) -> EvaluationResult:
    """Evaluate one checkpoint as the task file says, and write the result beside the predictions.

    Args:
        config: The task.
        checkpoint: The weights, or a saved model; ``fairseq.common_eval.path`` by default.
        device: See :class:`Evaluator`.
        dtype: See :class:`Evaluator`.
        evaluator: One built for the same ``config`` before, to save building the data set again.
        selected_from: Number of checkpoints that are compared on this split.

    Raises:
        ConfigError: If no checkpoint is named.
        CheckpointError: If it is missing, damaged, or lacks weights of the model.
    """
    path = checkpoint or training_options(config.fairseq).get("path")
    if path is None:
        raise ConfigError("No checkpoint is named: set fairseq.common_eval.path, or give --checkpoint.")
    weights = weight_file(path)
    if not weights.is_file():
        raise CheckpointError(
            f"The checkpoint {path} does not exist. Train the model first, or give another with --checkpoint."
        )
    evaluator = evaluator or Evaluator(config, device=device, dtype=dtype)
    model = evaluator.task.build_model(pretrained=False)
    report = load_into(model, path, complete=True)
    return evaluator.evaluate(
        model,
        Path(path).stem,
        save_path=config.eval.save_path or Path(path).parent / "eval",
        checkpoint={"path": str(path), "sha256": sha256(weights), "unused_tensors": len(report.unexpected)},
        selected_from=selected_from,
    )


def evaluate_untrained(config: TaskConfig, evaluator: Evaluator) -> EvaluationResult:
    """Evaluate the model as training starts: BERT's weights, and at random what BERT does not have.

    The result is called ``untrained``. The random part is drawn with ``fairseq.common.seed``.

    Args:
        config: The task.
        evaluator: Built for the same ``config``.

    Raises:
        CheckpointError: If BERT's weights are missing.
    """
    set_seed(training_options(config.fairseq).get("seed") or 1)  # 1 is the default of fairseq
    return evaluator.evaluate(evaluator.task.build_model(), "untrained")


def _save(folder: Path, result: EvaluationResult, predictions: Predictions, items: Mapping[str, Any]) -> None:
    """Write arrays, ids, items and result; the result comes last, so that it never names a missing file."""
    for array, file in result.predictions.items():
        with atomic_write(folder / file) as stream:
            np.save(stream, predictions.arrays[array], allow_pickle=False)
    write_json(folder / f"{result.name}.ids.json", predictions.ids)
    write_json(folder / f"{result.name}.items.json", items)
    write_result(folder / f"{result.name}.result.json", result)
    logger.info("wrote %s", folder / f"{result.name}.result.json")


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(each) for key, each in value.items() if each is not None and each != {}}
    return value
