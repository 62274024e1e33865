"""COIN: the predictors give every second a class, the metric counts the seconds that are right.

Most seconds are background, so that a model which always answers "background" looks good: COIN's
published zero-shot accuracy, 58.9 %, is reached in that way. The metric therefore tells what the
majority class scores, the accuracy in the foreground alone, and the share of the commonest answer.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mmpt.datasets import MMDataset
from mmpt.errors import ConfigError, DataError
from mmpt.evaluators.metric import Metric
from mmpt.evaluators.predictor import Predictions
from mmpt.evaluators.windowed import WindowedPredictor
from mmpt.modules.pooling import states_of_seconds
from mmpt.processors.downstream.coin_files import BACKGROUND
from mmpt.utils import get_logger

__all__ = ["COINActionSegmentationMetric", "COINPredictor", "COINZSPredictor"]

logger = get_logger(__name__)
_TEXTS_AT_ONCE = 256


class COINPredictor(WindowedPredictor):
    """Averages the logits of overlapping windows and takes the best class of every second."""

    def reset(self) -> None:
        """Forget everything collected."""
        self._outputs: list[NDArray[np.int64]] = []
        self._targets: list[NDArray[np.int64]] = []
        self._ids: list[str] = []

    def process(self, batch: Mapping[str, Any], outputs: Mapping[str, torch.Tensor]) -> None:
        """Keep the classes of one video, predicted and true.

        Raises:
            ConfigError: If the model does not return what is needed, or the batch holds several videos.
            DataError: If the video has a class that the model does not know.
        """
        self._outputs.append(self.classes(batch, outputs))
        self._targets.append(batch["video_targets"][0].numpy())
        self._ids.append(str(batch["video_id"][0]))

    def classes(self, batch: Mapping[str, Any], outputs: Mapping[str, torch.Tensor]) -> NDArray[np.int64]:
        """Return the predicted class of every second, int64 (seconds,)."""
        logits = self.needed(outputs, "logits", "MMFusionActionSegmentation")
        highest = int(batch["video_targets"].max())
        if highest >= logits.shape[-1]:
            raise DataError(
                f"Video '{batch['video_id'][0]}' has the class {highest}, and the model knows "
                f"{logits.shape[-1]} classes, from 0. Set model.num_labels to that of the training data."
            )
        scores = self.per_second(batch, logits[batch["vmasks"].flatten(0, 1).to(logits.device)])
        return scores.argmax(dim=-1).numpy()

    def finalize(self) -> Predictions:
        """Return ``outputs`` and ``targets``, the classes of all seconds of all videos, int64 (N,).

        ``starts``, int64 (V + 1,), tells where each of the V videos begins and the last ends; the ids are
        those of the videos.

        Raises:
            DataError: If nothing was collected.
        """
        if not self._outputs:
            raise DataError("There is nothing to predict: not a single batch was processed.")
        arrays = {
            "outputs": np.concatenate(self._outputs),
            "targets": np.concatenate(self._targets),
            "starts": np.cumsum([0, *map(len, self._outputs)]),
        }
        return Predictions(arrays, self._ids, {"videos": len(self._ids), "seconds": len(arrays["outputs"])})


class COINZSPredictor(COINPredictor):
    """Without training: the class of a second is the name that matches it best.

    A second is background unless its best score is above the largest score of two different names
    with each other: names that are less like the video than other names say nothing.
    """

    def prepare(self, model: nn.Module, dataset: MMDataset) -> None:
        """Encode the names of all classes but background.

        Raises:
            ConfigError: If the data set names no classes.
            DataError: If the vector of a name is not finite.
        """
        names = getattr(dataset.meta_processor, "labels", None)
        if names is None:
            raise ConfigError(
                f"{type(self).__name__} needs the names of the classes, and "
                f"{type(dataset.meta_processor).__name__} has no 'labels'. "
                "Use COINActionSegmentationMetaProcessor as dataset.meta_processor."
            )
        classes = [label for label, name in enumerate(names) if name and label != BACKGROUND]
        self._classes = np.array(classes)
        self._texts = _encode(model, dataset, [names[label] for label in classes])
        if not self._texts.isfinite().all():  # no score would be above the threshold: all would be background
            raise DataError(
                "The vector of a class's name holds NaN or infinity. "
                "Look for NaN in the weights of the checkpoint."
            )
        self.threshold = _largest_between(self._texts)
        """Score above which a second is not background."""
        logger.info("%d classes; background up to a score of %.4g", len(classes), self.threshold)

    def classes(self, batch: Mapping[str, Any], outputs: Mapping[str, torch.Tensor]) -> NDArray[np.int64]:
        """Return the predicted class of every second, int64 (seconds,)."""
        hidden = self.needed(outputs, "hidden_video", "MMFusionSeparate")
        vmasks = batch["vmasks"].flatten(0, 1).to(hidden.device)
        rows = states_of_seconds(hidden, vmasks.shape[1])[vmasks]
        best, place = (self.scaled(self.per_second(batch, rows)) @ self._texts.T).max(dim=-1)
        return np.where(best.numpy() > self.threshold, self._classes[place.numpy()], BACKGROUND)


def _encode(model: Any, dataset: MMDataset, names: list[str]) -> torch.Tensor:
    """Return the pooled texts of ``names``, float32 (names, D) on the CPU."""
    device = next(model.parameters()).device
    aligner: Any = dataset.align_processor
    vectors = []
    for first in range(0, len(names), _TEXTS_AT_ONCE):
        sequences = [
            aligner._build_text_seq(dataset.text_processor(name))
            for name in names[first : first + _TEXTS_AT_ONCE]
        ]
        caps, cmasks = (torch.stack(parts).to(device) for parts in zip(*sequences, strict=True))
        vectors.append(model.encode_text(caps, cmasks).float().cpu())
    return torch.cat(vectors)


def _largest_between(texts: torch.Tensor) -> float:
    """Return the largest dot product of two different rows; minus infinity if there is one row only."""
    scores = texts @ texts.T
    return float(scores.fill_diagonal_(-torch.inf).max())


class COINActionSegmentationMetric(Metric):
    """Share of seconds whose class is right: of all, and of those that are not background.

    Without any second of foreground, ``foreground_acc`` is left out.
    """

    names = ("frame_acc", "foreground_acc")
    percent = frozenset(names)

    def compute(
        self, outputs: NDArray[np.int64], targets: NDArray[np.int64], starts: NDArray | None = None
    ) -> dict[str, float]:
        """Return the accuracies.

        Args:
            outputs: Predicted classes, (N,).
            targets: True classes, (N,).
            starts: Where videos begin; not needed.

        Raises:
            DataError: If there is no second, the lengths differ, or a class is negative.
        """
        _check(outputs, targets)
        is_right, foreground = outputs == targets, targets != BACKGROUND
        accuracies = {"frame_acc": float(is_right.mean())}
        return accuracies | (
            {"foreground_acc": float(is_right[foreground].mean())} if foreground.any() else {}
        )

    def baseline(
        self, outputs: NDArray[np.int64], targets: NDArray[np.int64], starts: NDArray | None = None
    ) -> dict[str, float]:
        """Return what one answer for every second scores: the commonest class, of all or the foreground."""
        _check(outputs, targets)
        foreground = targets[targets != BACKGROUND]
        shares = {"frame_acc": _commonest(targets)["share"]}
        return shares | ({"foreground_acc": _commonest(foreground)["share"]} if len(foreground) else {})

    def details(
        self, outputs: NDArray[np.int64], targets: NDArray[np.int64], starts: NDArray | None = None
    ) -> dict[str, Any]:
        """Return the commonest classes, and seconds and accuracy of each class that occurs.

        ``per_class`` also lists classes that are predicted and never true; their accuracy is None.
        """
        _check(outputs, targets)
        length = int(max(outputs.max(), targets.max())) + 1
        seconds, predicted, right = (
            np.bincount(each, minlength=length) for each in (targets, outputs, targets[outputs == targets])
        )
        per_class = {
            str(label): {
                "seconds": int(seconds[label]),
                "predicted": int(predicted[label]),
                "right": int(right[label]),
                "accuracy": float(right[label] / seconds[label]) if seconds[label] else None,
            }
            for label in np.flatnonzero(seconds + predicted).tolist()
        }
        most, true = _commonest(outputs), _commonest(targets)
        return {
            "notes": [
                f"baseline: always the commonest class, {true['class']} (0 is background)",
                f"most predicted class: {most['class']}, {100 * most['share']:.1f} % of the seconds; "
                f"in truth {100 * seconds[most['class']] / len(targets):.1f} %",
            ],
            "seconds": {
                "background": int(seconds[BACKGROUND]),
                "foreground": len(targets) - int(seconds[BACKGROUND]),
            },
            "majority_class": true,
            "most_predicted_class": most,
            "mean_class_accuracy": float(np.mean(right[seconds > 0] / seconds[seconds > 0])),
            "per_class": per_class,
        }


def _check(outputs: NDArray[np.int64], targets: NDArray[np.int64]) -> None:
    if outputs.shape != targets.shape or outputs.ndim != 1 or outputs.size == 0:
        raise DataError(
            f"Predicted classes have the shape {outputs.shape} and true ones {targets.shape}; "
            "(N,) for both, with N of at least 1, is expected."
        )
    if min(outputs.min(), targets.min()) < 0:
        raise DataError("A class is negative; classes are counted from 0, and every second has one.")


def _commonest(classes: NDArray[np.int64]) -> dict[str, Any]:
    counts = np.bincount(classes)
    return {"class": int(counts.argmax()), "share": float(counts.max() / len(classes))}
