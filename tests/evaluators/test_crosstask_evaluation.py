"""CrossTask: from logits of windows to one second per step, and recall with its baseline."""

import numpy as np
import pytest
import torch

from mmpt.config import DatasetConfig, TaskConfig
from mmpt.errors import ConfigError, DataError
from mmpt.evaluators.crosstask import CrossTaskMetric, CrossTaskPredictor

WINDOWS = TaskConfig(dataset=DatasetConfig(sliding_window=2, sliding_window_size=4, max_video_len=4))


def batch(seconds, targets, name="v", task="23521"):
    return {
        "video_len": torch.tensor([seconds]),
        "video_targets": torch.tensor(targets, dtype=torch.float32)[None],
        "video_id": [name],
        "task_id": [task],
    }


def arrays(chosen, targets, tasks):
    """``targets`` are matrices (seconds, steps), ``chosen`` a list of seconds per video."""
    return {
        "outputs": np.concatenate(chosen).astype(np.int64),
        "targets": np.concatenate([np.array(target, dtype=bool).ravel() for target in targets]),
        "shapes": np.array([np.shape(target) for target in targets]),
        "tasks": np.array(tasks),
    }


def test_overlapping_windows_are_averaged_before_steps_are_assigned():
    predictor = CrossTaskPredictor(WINDOWS)
    # Windows over 5 seconds: 0..4 and 2..5, so seconds 2 and 3 come twice.
    seconds = [0, 1, 2, 3, 2, 3, 4]
    logits = torch.zeros(7, 2)
    logits[2, 0], logits[4, 0] = 9.0, -9.0  # second 2: averages to 0 for step 0
    logits[1, 0] = 1.0
    logits[6, 1] = 1.0
    assert predictor.windows.seconds(5).tolist() == seconds
    predictor.process(batch(5, np.eye(5)[:, [1, 3]]), {"logits": logits})
    found = predictor.finalize()
    assert found.arrays["outputs"].tolist() == [1, 4]
    assert found.arrays["shapes"].tolist() == [[5, 2]]
    assert found.arrays["targets"].reshape(5, 2).T.astype(int).tolist() == [[0, 1, 0, 0, 0], [0, 0, 0, 1, 0]]
    assert (found.ids, found.counts) == (["v"], {"videos": 1, "steps": 2})
    assert CrossTaskMetric().compute(**found.arrays) == {"recall": 0.5}


def test_steps_keep_their_order_against_the_better_score():
    predictor = CrossTaskPredictor(WINDOWS)
    # Step 1 is likeliest in second 0 and step 0 in second 2; in order, that is impossible.
    logits = torch.tensor([[0.0, 3.0], [0.0, 0.0], [3.0, 0.0], [0.0, 0.0]])
    predictor.process(batch(4, np.zeros((4, 2))), {"logits": logits})
    # Log-probabilities of step 0: -3.05, -.69, -.05, -.69; of step 1: -.05, -.69, -3.05, -.69.
    # 2 then 3 costs .05 + .69, as 0 is before everything else.
    assert predictor.finalize().arrays["outputs"].tolist() == [2, 3]


def test_predictions_can_be_saved_without_objects(tmp_path):
    predictor = CrossTaskPredictor(WINDOWS)
    for name, task, seconds, steps in [("a", "1", 3, 2), ("b", "22", 4, 3)]:
        predictor.process(
            batch(seconds, np.ones((seconds, steps)), name, task), {"logits": torch.zeros(seconds, steps)}
        )
    for name, array in predictor.finalize().arrays.items():
        np.save(tmp_path / name, array, allow_pickle=False)
    assert np.load(tmp_path / "tasks.npy").tolist() == ["1", "22"]
    assert predictor.finalize().counts == {"videos": 2, "steps": 5}


def test_recall_counts_steps_that_happen_and_is_the_mean_over_tasks():
    targets = [[[1, 0, 0], [0, 1, 0], [0, 1, 0]], [[0, 0, 0], [1, 0, 0], [0, 0, 1]], [[1], [1]]]
    case = arrays([[0, 1, 2], [0, 1, 2], [1]], targets, ["a", "a", "b"])
    # Task a: video 1 hits steps 0 and 1 of 2 that happen, video 2 hits step 2 of 2; 3 of 4. Task b: 1 of 1.
    assert CrossTaskMetric().compute(**case) == {"recall": (3 / 4 + 1) / 2}
    assert CrossTaskMetric().details(**case)["per_task"] == {
        "a": {"recall": 0.75, "hits": 3, "steps": 4, "steps_that_do_not_happen": 2, "videos": 2},
        "b": {"recall": 1.0, "hits": 1, "steps": 1, "steps_that_do_not_happen": 0, "videos": 1},
    }


def test_the_baseline_spreads_the_steps_evenly():
    target = np.zeros((10, 2), dtype=bool)
    target[2, 0] = target[9, 1] = True  # (0 + 1/2) * 10 / 2 = 2.5, and 7.5: one of two
    case = arrays([[0, 1]], [target], ["a"])
    assert CrossTaskMetric().baseline(**case) == {"recall": 0.5}


def test_a_task_whose_steps_never_happen_is_named_and_not_counted():
    case = arrays([[0], [0]], [[[1], [0]], [[0], [0]]], ["seen", "never"])
    assert CrossTaskMetric().compute(**case) == {"recall": 1.0}
    assert CrossTaskMetric().details(**case)["per_task"]["never"]["recall"] is None
    with pytest.raises(DataError, match="no step of any task happens"):
        CrossTaskMetric().compute(**arrays([[0]], [[[0], [0]]], ["never"]))


def test_arrays_that_do_not_fit_are_named():
    case = arrays([[0, 1]], [[[1, 0], [0, 1]]], ["a"])
    with pytest.raises(DataError, match="Predictions of 1 steps and 4 targets do not fit"):
        CrossTaskMetric().compute(**{**case, "outputs": case["outputs"][:1]})


def test_what_cannot_be_predicted_is_named():
    predictor = CrossTaskPredictor(WINDOWS)
    with pytest.raises(DataError, match="not a single batch"):
        predictor.finalize()
    with pytest.raises(DataError, match="'v' has 2 seconds and its task 3 steps"):
        predictor.process(batch(2, np.zeros((2, 3))), {"logits": torch.zeros(2, 3)})
    with pytest.raises(DataError, match=r"returned 4 rows for video 'v'; windows of 4 every 2 .* make 7"):
        predictor.process(batch(5, np.zeros((5, 1))), {"logits": torch.zeros(4, 1)})
    with pytest.raises(DataError, match="video 'v' hold NaN"):
        predictor.process(batch(2, np.zeros((2, 1))), {"logits": torch.full((2, 1), torch.nan)})
    with pytest.raises(
        ConfigError, match=r"needs the output logits, and the model returned \['pooled_text'\]"
    ):
        predictor.process(batch(2, np.zeros((2, 1))), {"pooled_text": torch.zeros(1)})
    two = {**batch(2, np.zeros((2, 1))), "video_len": torch.tensor([2, 2])}
    with pytest.raises(ConfigError, match=r"holds 2 videos .* at a time\..*batch_size to 1"):
        predictor.process(two, {"logits": torch.zeros(4, 1)})


def test_without_windows_the_missing_key_is_named():
    with pytest.raises(ConfigError, match="sliding_window"):
        CrossTaskPredictor(TaskConfig())
