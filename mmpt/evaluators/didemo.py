"""DiDeMo: the predictor scores the 21 moments of a video for a sentence, the metric looks at their order.

A video has six chunks of five seconds, and a moment is a run of neighbouring chunks (Hendricks et al.,
"Localizing Moments in Video with Natural Language", ICCV 2017, section 3).
"""

from collections.abc import Mapping
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mmpt.errors import DataError
from mmpt.evaluators.metric import Metric
from mmpt.evaluators.predictor import Predictions, Predictor
from mmpt.modules.pooling import states_of_seconds
from mmpt.processors.downstream.didemo import CHUNK_SECONDS, CHUNKS

__all__ = ["MOMENTS", "DiDeMoMetric", "DiDeMoPredictor"]

MOMENTS: NDArray[np.int64] = np.array(list(combinations_with_replacement(range(CHUNKS), 2)))
"""First and last chunk of each moment, (21, 2): (0, 0), (0, 1), ..., (5, 5)."""

_ANNOTATORS_THAT_COUNT = 3
_RANDOM_ORDERS = 20


class DiDeMoPredictor(Predictor):
    """The score of a moment: the mean hidden state of its seconds, times the pooled sentence."""

    def reset(self) -> None:
        """Forget everything collected."""
        self._scores: list[torch.Tensor] = []
        self._times: list[torch.Tensor] = []
        self._ids: list[str] = []

    def process(self, batch: Mapping[str, Any], outputs: Mapping[str, torch.Tensor]) -> None:
        """Keep the scores of a batch, and what the annotators said.

        Raises:
            ConfigError: If the model returns no hidden states of the video, or no pooled text.
            DataError: If a score is NaN.
        """
        hidden = self.needed(outputs, "hidden_video", "MMFusionSeparate").float()
        text = self.needed(outputs, "pooled_text", "MMFusionSeparate").float()
        vmasks = batch["vmasks"].to(hidden.device)
        chunk = torch.arange(vmasks.shape[1], device=hidden.device) // CHUNK_SECONDS
        first, last = torch.from_numpy(MOMENTS).to(hidden.device).T[:, :, None]
        is_inside = ((first <= chunk) & (chunk <= last) & vmasks[:, None]).float()  # (B, 21, T)
        seconds = is_inside.sum(dim=-1)
        means = is_inside @ states_of_seconds(hidden, vmasks.shape[1]) / seconds.clamp(min=1)[..., None]
        scores = (self.scaled(means) @ text[:, :, None]).squeeze(-1)
        if not scores.isfinite().all():
            raise DataError(
                f"A score of the videos {', '.join(map(str, batch['video_id'][:3]))}... is NaN or infinite. "
                "Look for NaN in their feature files and in the weights of the checkpoint."
            )
        self._scores.append(scores.masked_fill(seconds == 0, -torch.inf).cpu())
        self._times.append(batch["times"])
        self._ids += [str(video_id) for video_id in batch["video_id"]]

    def finalize(self) -> Predictions:
        """Return ``scores``, float32 (N, 21), and ``times``, int64 (N, A, 2).

        Moments are those of :data:`MOMENTS`; one without a second of video scores minus infinity.
        ``times`` are the first and last chunks that the A annotators chose, -1 where one is lacking. The
        ids are those of the videos, one per sentence.

        Raises:
            DataError: If nothing was collected.
        """
        if not self._scores:
            raise DataError("There is nothing to predict: not a single batch was processed.")
        scores, times = torch.cat(self._scores).numpy(), torch.cat(self._times).numpy()
        counts = {"sentences": len(scores), "moments": int(np.isfinite(scores).sum())}
        return Predictions({"scores": scores, "times": times}, self._ids, counts)


class DiDeMoMetric(Metric):
    """Rank and overlap, against the three annotators who agree best with the model.

    rank1 and rank5: the share of sentences for which the mean of the three smallest ranks of the
    annotators' moments is at most 1 or 5. miou: the mean of the three largest overlaps (intersection
    over union of chunks) of the top moment with the annotators'. A moment that scores the same as
    the right one counts as ranked before it; of several top moments the worst counts.
    """

    names = ("rank1", "rank5", "miou")
    percent = frozenset(names)

    def compute(self, scores: NDArray, times: NDArray[np.int64]) -> dict[str, float]:
        """Return rank1, rank5 and miou; see :meth:`DiDeMoPredictor.finalize` for the arrays.

        An annotator's moment without video ranks behind all 21.

        Raises:
            DataError: If there is no sentence, the shapes do not fit, or a sentence has no annotator
                or no moment with video.
        """
        _check(scores, times)
        is_given = times[:, :, 0] >= 0
        ranks = np.sort(np.where(is_given, _ranks(scores, times), np.inf), axis=1)
        mean_rank = _mean_of_first(ranks[:, :_ANNOTATORS_THAT_COUNT])
        overlaps = np.where(is_given[:, None], _overlaps(times), -np.inf)  # (N, 21, A)
        best_overlaps = -np.sort(-overlaps, axis=2)[:, :, :_ANNOTATORS_THAT_COUNT]
        is_top = scores == scores.max(axis=1, keepdims=True)
        top_overlap = np.where(is_top, _mean_of_first(best_overlaps), np.inf).min(axis=1)
        return {
            "rank1": float(np.mean(mean_rank <= 1)),
            "rank5": float(np.mean(mean_rank <= 5)),
            "miou": float(np.mean(top_overlap)),
        }

    def baseline(self, scores: NDArray, times: NDArray[np.int64]) -> dict[str, float]:
        """Return what ranking all moments by how often the annotators of this split chose them scores.

        It looks at no video and no sentence.
        """
        _check(scores, times)
        chosen = times[times[:, :, 0] >= 0]
        often = (MOMENTS[:, None] == chosen).all(axis=2).sum(axis=1).astype(float)
        return self.compute(np.where(np.isfinite(scores), often, -np.inf), times)

    def details(self, scores: NDArray, times: NDArray[np.int64]) -> dict[str, Any]:
        """Return the mean score of random orders, and how many annotated moments have no video."""
        rng = np.random.default_rng(0)
        draws = [
            self.compute(np.where(np.isfinite(scores), rng.random(scores.shape), -np.inf), times)
            for _ in range(_RANDOM_ORDERS)
        ]
        is_given = times[:, :, 0] >= 0
        return {
            "notes": ["baseline: the moments that the annotators of this split chose most often come first"],
            "random_order": {name: float(np.mean([draw[name] for draw in draws])) for name in self.names},
            "annotations": int(is_given.sum()),
            "annotations_without_video": int((is_given & ~np.isfinite(_own_scores(scores, times))).sum()),
        }


def _check(scores: NDArray, times: NDArray) -> None:
    if scores.shape != (len(times), len(MOMENTS)) or times.shape[2:] != (2,) or len(times) == 0:
        raise DataError(
            f"Scores have the shape {scores.shape} and times {times.shape}; (N, {len(MOMENTS)}) and "
            "(N, annotators, 2), with N of at least 1, are expected."
        )
    lacking = (times[:, :, 0] < 0).all(axis=1) | ~np.isfinite(scores).any(axis=1)
    if lacking.any():
        raise DataError(
            f"Sentence {int(np.flatnonzero(lacking)[0])} has no annotator, or no moment with video; it "
            "cannot be ranked. Leave it out of the list."
        )


def _own_scores(scores: NDArray, times: NDArray[np.int64]) -> NDArray:
    """Return the scores of the annotators' moments, (N, A)."""
    index = (MOMENTS[:, None, None] == times).all(axis=3).argmax(axis=0)  # (N, A); lacking ones give 0
    return np.take_along_axis(scores, index, axis=1)


def _ranks(scores: NDArray, times: NDArray[np.int64]) -> NDArray:
    """Return 1 + how many other moments score as much or more, (N, A)."""
    own = _own_scores(scores, times)
    ranks = (scores[:, None, :] >= own[:, :, None]).sum(axis=2)
    return np.where(np.isfinite(own), ranks, len(MOMENTS) + 1)


def _overlaps(times: NDArray[np.int64]) -> NDArray:
    """Return intersection over union of every moment with every annotator's, in chunks, (N, 21, A)."""
    first, last = MOMENTS[None, :, None, 0], MOMENTS[None, :, None, 1]
    begin, end = times[:, None, :, 0], times[:, None, :, 1]
    shared = np.minimum(last, end) - np.maximum(first, begin) + 1
    union = np.maximum(last, end) - np.minimum(first, begin) + 1
    return np.maximum(shared, 0) / union


def _mean_of_first(values: NDArray) -> NDArray:
    """Return the mean over the last axis of the values that are finite."""
    is_real = np.isfinite(values)
    return np.where(is_real, values, 0).sum(axis=-1) / is_real.sum(axis=-1)
