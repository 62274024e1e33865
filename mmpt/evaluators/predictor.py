"""Predictors: collect what a model returns, batch by batch, and make one set of predictions of it.

Comes in: batches and the model's outputs for them. Goes out: :class:`Predictions`, named arrays
that are saved as ``.npy`` and passed by name to a metric.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from mmpt.config import TaskConfig
from mmpt.datasets import MMDataset
from mmpt.errors import ConfigError, DataError

__all__ = ["Forward", "Predictions", "Predictor", "RetrievalPredictor", "score_matrix"]

_TEXTS_AT_ONCE = 1024

Forward = Callable[[nn.Module, Mapping[str, Any]], Mapping[str, torch.Tensor]]
"""How a task runs its model on one batch: (model, batch) -> outputs."""


@dataclass(frozen=True)
class Predictions:
    """What a predictor made of a whole split.

    Attributes:
        arrays: Name -> array, saved as ``<checkpoint>.<name>.npy``; metrics name the ones they need.
        ids: One identifier per item, in the order of the arrays' rows.
        counts: What was predicted, such as ``{"queries": 1000, "candidates": 1000}``.
    """

    arrays: dict[str, NDArray]
    ids: list[str]
    counts: dict[str, int] = field(default_factory=dict)


class Predictor:
    """Base of all predictors.

    The order is :meth:`reset`, :meth:`prepare`, for every batch :meth:`run` and :meth:`process`, and
    :meth:`finalize`.

    Args:
        config: The task, for predictors that need its settings.
    """

    def __init__(self, config: TaskConfig | None = None) -> None:
        self.config = config
        self.reset()

    def reset(self) -> None:
        """Forget everything collected."""
        raise NotImplementedError(f"{type(self).__name__} does not say how to start.")

    def prepare(self, model: nn.Module, dataset: MMDataset) -> None:
        """Look at the model and the data set once, before the first batch; most need not.

        Runs in inference mode, with the model on its device. Zero-shot predictors encode their labels here.
        """

    def run(self, model: nn.Module, batch: Mapping[str, Any], forward: Forward) -> Mapping[str, torch.Tensor]:
        """Run ``model`` on one ``batch``: ``forward`` unless the predictor needs something else of it."""
        return forward(model, batch)

    def process(self, batch: Mapping[str, Any], outputs: Mapping[str, torch.Tensor]) -> None:
        """Collect the model's ``outputs`` for one ``batch``."""
        raise NotImplementedError(f"{type(self).__name__} does not say what to collect.")

    def needed(self, outputs: Mapping[str, torch.Tensor], name: str, example: str) -> torch.Tensor:
        """Return one of the model's outputs.

        Args:
            outputs: What the model returned.
            name: Name of the output.
            example: A model that returns it.

        Raises:
            ConfigError: If the model does not return it.
        """
        if name not in outputs:
            raise ConfigError(
                f"{type(self).__name__} needs the output {name}, and the model returned {sorted(outputs)}. "
                f"Use a model such as {example} as model_cls."
            )
        return outputs[name]

    def scaled(self, vectors: torch.Tensor) -> torch.Tensor:
        """Return vectors (..., D) as scores compare them: of length 1 if ``model.normalize`` holds."""
        has_length_one = self.config is not None and self.config.model.normalize
        return functional.normalize(vectors, dim=-1) if has_length_one else vectors

    def finalize(self) -> Predictions:
        """Return the predictions for everything collected."""
        raise NotImplementedError(f"{type(self).__name__} does not say what it predicts.")


class RetrievalPredictor(Predictor):
    """Scores of every text with every video: the dot product of their pooled vectors.

    Only the pooled vectors are kept, two of (hidden,) per item; the score matrix is made of them
    at the end, some texts at a time.
    """

    def reset(self) -> None:
        """Forget everything collected."""
        self._videos: list[torch.Tensor] = []
        self._texts: list[torch.Tensor] = []
        self._ids: list[str] = []

    def process(self, batch: Mapping[str, Any], outputs: Mapping[str, torch.Tensor]) -> None:
        """Keep ``pooled_video`` and ``pooled_text``, each (B, D), and the video ids of the batch.

        Raises:
            ConfigError: If the model returns no pooled vectors.
        """
        self._videos.append(self.needed(outputs, "pooled_video", "MMFusionSeparate").float().cpu())
        self._texts.append(self.needed(outputs, "pooled_text", "MMFusionSeparate").float().cpu())
        self._ids += [str(video_id) for video_id in batch.get("video_id", [])]

    def finalize(self) -> Predictions:
        """Return ``scores`` (N, N): row i is text i, column j is video j.

        Raises:
            DataError: If nothing was collected.
        """
        if not self._texts:
            raise DataError("There is nothing to predict: not a single batch was processed.")
        texts, videos = torch.cat(self._texts), torch.cat(self._videos)
        counts = {"queries": len(texts), "candidates": len(videos)}
        return Predictions({"scores": score_matrix(texts, videos)}, self._ids, counts)


def score_matrix(texts: torch.Tensor, videos: torch.Tensor) -> NDArray[np.float32]:
    """Return the dot product of every text with every video.

    Args:
        texts: float32 (N, D).
        videos: float32 (M, D).

    Returns:
        float32 (N, M).
    """
    scores = np.empty((len(texts), len(videos)), dtype=np.float32)
    for first in range(0, len(texts), _TEXTS_AT_ONCE):
        scores[first : first + _TEXTS_AT_ONCE] = (texts[first : first + _TEXTS_AT_ONCE] @ videos.T).numpy()
    return scores
