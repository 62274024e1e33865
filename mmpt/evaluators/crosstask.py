"""CrossTask: the predictor finds one second for every step of a video's task, the metric is recall."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mmpt.errors import DataError
from mmpt.evaluators.assignment import assign_steps
from mmpt.evaluators.metric import Metric
from mmpt.evaluators.predictor import Predictions
from mmpt.evaluators.windowed import WindowedPredictor

__all__ = ["CrossTaskMetric", "CrossTaskPredictor"]


class CrossTaskPredictor(WindowedPredictor):
    """Averages windows, takes the log-probability of the steps in each second, and assigns the steps.

    A step gets the second in which its log-probability counts most, under the rule that the steps
    keep their order; see :func:`~mmpt.evaluators.assignment.assign_steps`.
    """

    def reset(self) -> None:
        """Forget everything collected."""
        self._scores: list[NDArray[np.float32]] = []
        self._targets: list[NDArray[np.bool_]] = []
        self._tasks: list[str] = []
        self._ids: list[str] = []

    def process(self, batch: Mapping[str, Any], outputs: Mapping[str, torch.Tensor]) -> None:
        """Keep the log-probabilities (seconds, steps) of one video, and where its steps happen.

        Raises:
            ConfigError: If the model returns no logits, or the batch holds several videos.
            DataError: If the task has more steps than the video has seconds.
        """
        logits = self.needed(outputs, "logits", "MMFusionActionLocalization")
        scores = self.per_second(batch, logits).log_softmax(dim=-1).numpy()
        name = batch["video_id"][0]
        if scores.shape[1] > len(scores):
            raise DataError(
                f"Video '{name}' has {len(scores)} seconds and its task {scores.shape[1]} steps; every step "
                "needs a second of its own. Leave the video out of the list."
            )
        self._scores.append(scores)
        self._targets.append(batch["video_targets"][0].numpy() > 0)
        self._tasks.append(str(batch["task_id"][0]))
        self._ids.append(str(name))

    def finalize(self) -> Predictions:
        """Return the chosen seconds and what is right; V videos have P (video, step) pairs in all.

        Arrays: ``outputs`` int64 (P,), the second of each step; ``targets`` bool, the matrices (seconds,
        steps) of all videos, each flattened, joined; ``shapes`` int64 (V, 2), their shapes; ``tasks``
        (V,), ids of the tasks. The ids are those of the videos.

        Raises:
            DataError: If nothing was collected.
        """
        if not self._scores:
            raise DataError("There is nothing to predict: not a single batch was processed.")
        outputs = assign_steps([-scores for scores in self._scores])
        arrays = {
            "outputs": np.concatenate(outputs),
            "targets": np.concatenate([target.ravel() for target in self._targets]),
            "shapes": np.array([scores.shape for scores in self._scores], dtype=np.int64),
            "tasks": np.array(self._tasks),
        }
        return Predictions(arrays, self._ids, {"videos": len(outputs), "steps": len(arrays["outputs"])})


class CrossTaskMetric(Metric):
    """Recall: the share of steps for which the chosen second lies in the step; mean over tasks.

    Of a task's videos only the steps that happen count. A task without any is left out of the mean
    and named in the details.
    """

    names = ("recall",)
    percent = frozenset(names)

    def compute(
        self, outputs: NDArray[np.int64], targets: NDArray[np.bool_], shapes: NDArray, tasks: NDArray
    ) -> dict[str, float]:
        """Return the recall; see :meth:`CrossTaskPredictor.finalize` for the arrays.

        Raises:
            DataError: If no step happens in any video, or the arrays do not fit.
        """
        table = _per_task(outputs, targets, shapes, tasks)
        recalls = [row["recall"] for row in table.values() if row["recall"] is not None]
        if not recalls:
            raise DataError("There is no recall: no step of any task happens in any of the videos.")
        return {"recall": float(np.mean(recalls))}

    def baseline(
        self, outputs: NDArray[np.int64], targets: NDArray[np.bool_], shapes: NDArray, tasks: NDArray
    ) -> dict[str, float]:
        """Return what steps spread evenly over each video score: step k of K at (k + 1/2) / K of it."""
        even = [np.floor((np.arange(steps) + 0.5) * seconds / steps) for seconds, steps in shapes]
        return self.compute(np.concatenate(even).astype(np.int64), targets, shapes, tasks)

    def details(
        self, outputs: NDArray[np.int64], targets: NDArray[np.bool_], shapes: NDArray, tasks: NDArray
    ) -> dict[str, Any]:
        """Return recall, hits, steps that happen and do not, and videos of each task."""
        return {
            "notes": ["baseline: the steps of a task spread evenly over the video"],
            "per_task": _per_task(outputs, targets, shapes, tasks),
        }


def _per_task(
    outputs: NDArray, targets: NDArray, shapes: NDArray, tasks: NDArray
) -> dict[str, dict[str, Any]]:
    totals: dict[str, NDArray[np.int64]] = defaultdict(lambda: np.zeros(4, np.int64))
    videos = _videos(outputs, targets, shapes)
    for task, (chosen, target) in zip(tasks.tolist(), videos, strict=True):
        hits, happens = target[chosen, np.arange(len(chosen))], target.any(axis=0)
        totals[str(task)] += [hits.sum(), happens.sum(), (~happens).sum(), 1]
    return {
        task: {
            "recall": int(hits) / int(steps) if steps else None,
            "hits": int(hits),
            "steps": int(steps),
            "steps_that_do_not_happen": int(absent),
            "videos": int(count),
        }
        for task, (hits, steps, absent, count) in sorted(totals.items())
    }


def _videos(outputs: NDArray, targets: NDArray, shapes: NDArray) -> Iterator[tuple[NDArray, NDArray]]:
    """Yield the chosen seconds (steps,) and the targets (seconds, steps) of each video."""
    if (len(outputs), len(targets)) != (shapes[:, 1].sum(), shapes.prod(axis=1).sum()):
        raise DataError(
            f"Predictions of {len(outputs)} steps and {len(targets)} targets do not fit the shapes of the "
            f"{len(shapes)} videos, which hold {shapes[:, 1].sum()} and {shapes.prod(axis=1).sum()}."
        )
    step_parts = np.split(outputs, np.cumsum(shapes[:-1, 1]))
    target_parts = np.split(targets, np.cumsum(shapes[:-1].prod(axis=1)))
    for chosen, target, shape in zip(step_parts, target_parts, shapes, strict=True):
        yield chosen, target.reshape(shape)
