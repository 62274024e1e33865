"""Multiple choice: which of the candidate texts belongs to the video?

This is not open-ended question answering: with five candidates chance alone is right in 20 % of the items.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from mmpt.errors import ConfigError, DataError
from mmpt.evaluators.metric import Metric
from mmpt.evaluators.predictor import Predictions, Predictor

__all__ = ["NO_CHOICE", "QAMetric", "QAPredictor"]

NO_CHOICE = -1
"""Predicted where several candidates share the best score: such an item counts as wrong."""


class QAPredictor(Predictor):
    """Chooses the candidate whose pooled vector has the largest dot product with that of the video."""

    def reset(self) -> None:
        """Forget everything collected."""
        self._scores: list[NDArray] = []
        self._targets: list[NDArray] = []
        self._ids: list[str] = []

    def process(self, batch: Mapping[str, Any], outputs: Mapping[str, torch.Tensor]) -> None:
        """Score the C candidates of each of B videos.

        Args:
            batch: ``answers``, the number of the right candidate from 0, (B, 1); ``video_id``.
            outputs: ``pooled_video`` (B, D) and ``pooled_text`` (B * C, D), video after video.

        Raises:
            ConfigError: If the model or the aligner is of another task.
            DataError: If an answer is none of the candidates.
        """
        if "answers" not in batch:
            raise ConfigError(
                f"QAPredictor needs 'answers' of the aligner, which gives {', '.join(sorted(batch))}. "
                "Use MSRVTTQAAligner."
            )
        videos = self.needed(outputs, "pooled_video", "MMFusionSeparate").float()
        texts = self.needed(outputs, "pooled_text", "MMFusionSeparate").float()
        candidates = texts.unflatten(0, (len(videos), -1))
        scores = torch.einsum("bd,bcd->bc", videos, candidates).cpu().numpy()
        targets = batch["answers"].flatten().cpu().numpy()
        ids = [str(video_id) for video_id in batch["video_id"]]
        for video_id, target in zip(ids, targets.tolist(), strict=True):
            if not 0 <= target < scores.shape[1]:
                raise DataError(
                    f"The answer of video '{video_id}' is candidate {target}, and its candidates are 0 to "
                    f"{scores.shape[1] - 1}. Correct its line in the file of dataset.test_path."
                )
        self._scores.append(scores)
        self._targets.append(targets)
        self._ids += ids

    def finalize(self) -> Predictions:
        """Return ``outputs`` and ``targets``, int64 (N,), and the ``scores`` (N, C) behind them.

        Raises:
            DataError: If nothing was collected, a score is NaN, or items differ in candidates.
        """
        if len({scores.shape[1] for scores in self._scores}) != 1:
            raise DataError(
                "There is nothing to predict: not a single batch was processed."
                if not self._scores
                else "Some questions have more candidates than others; correct the file of dataset.test_path."
            )
        scores, targets = np.concatenate(self._scores), np.concatenate(self._targets)
        unusable = np.flatnonzero(np.isnan(scores).any(axis=1))
        if len(unusable):
            raise DataError(
                f"The scores of video '{self._ids[unusable[0]]}' hold NaN. "
                "Look for NaN in the feature files and in the weights of the checkpoint."
            )
        tied = (scores == scores.max(axis=1, keepdims=True)).sum(axis=1) > 1
        outputs = np.where(tied, NO_CHOICE, scores.argmax(axis=1))
        counts = {"questions": len(scores)}
        return Predictions({"outputs": outputs, "targets": targets, "scores": scores}, self._ids, counts)


class QAMetric(Metric):
    """Share of the questions answered right; without a clear choice an answer is wrong."""

    names = ("acc",)
    percent = frozenset({"acc"})

    def compute(
        self, outputs: ArrayLike, targets: ArrayLike, scores: NDArray | None = None
    ) -> dict[str, float]:
        """Return ``acc``.

        Args:
            outputs: Number of the chosen candidate, (N,).
            targets: Number of the right one, (N,).
            scores: Not read.

        Raises:
            DataError: If there is no question, or not one choice per question.
        """
        chosen, right = _checked(outputs, targets)
        return {"acc": float(np.mean(chosen == right))}

    def baseline(
        self, outputs: ArrayLike, targets: ArrayLike, scores: NDArray | None = None
    ) -> dict[str, float]:
        """Return the accuracy of always choosing the place at which the right answer stands most often.

        It is at least that of chance, one over the number of candidates.
        """
        _, right = _checked(outputs, targets)
        return {"acc": float(np.bincount(right).max() / len(right))}

    def details(
        self, outputs: ArrayLike, targets: ArrayLike, scores: NDArray | None = None
    ) -> dict[str, Any]:
        """Return what the numbers mean, the share of chance, and how many questions had no clear choice."""
        chosen, right = _checked(outputs, targets)
        candidates = int(max(chosen.max(), right.max())) + 1 if scores is None else scores.shape[1]
        return {
            "notes": [
                f"multiple choice of {candidates} (chance {100 / candidates:.1f} %), not open-ended",
                f"baseline: always candidate {int(np.bincount(right).argmax())} (counted from 0)",
            ],
            "no_clear_choice": int(np.sum(chosen == NO_CHOICE)),
        }


def _checked(outputs: ArrayLike, targets: ArrayLike) -> Sequence[NDArray]:
    chosen, right = np.asarray(outputs), np.asarray(targets)
    if chosen.shape != right.shape or chosen.ndim != 1 or not len(chosen):
        raise DataError(
            f"There are choices of shape {chosen.shape} for answers of shape {right.shape}; "
            "one number per question is expected, and at least one question."
        )
    return chosen, right
