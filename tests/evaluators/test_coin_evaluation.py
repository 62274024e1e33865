"""COIN: classes of seconds, by a classifier or by names, and accuracies that no constant answer fakes."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmpt.config import DatasetConfig, ModelConfig, TaskConfig
from mmpt.errors import ConfigError, DataError
from mmpt.evaluators.coin import COINActionSegmentationMetric, COINPredictor, COINZSPredictor

WINDOWS = TaskConfig(dataset=DatasetConfig(sliding_window=2, sliding_window_size=4, max_video_len=4))


def batch(targets, name="v"):
    """One video in windows of 4 every 2 seconds."""
    seconds = len(targets)
    count = 1 + max(0, -(-(seconds - 4) // 2))
    ends = [min(4, seconds - 2 * window) for window in range(count)]
    return {
        "video_len": torch.tensor([seconds]),
        "vmasks": torch.arange(4) < torch.tensor(ends)[None, :, None],
        "video_targets": torch.tensor([targets]),
        "video_id": [name],
    }


# Prediction


def test_overlapping_windows_are_averaged_and_padding_is_not_read():
    logits = torch.zeros(2, 4, 3)  # windows 0..4 and 2..5
    logits[0, 2, 1], logits[1, 0, 2] = 4.0, 6.0  # second 2: class 1 on average 2, class 2 on average 3
    logits[0, 0, 1] = 1.0
    logits[1, 3] = torch.tensor([torch.nan, 9.0, 9.0])  # behind the end
    predictor = COINPredictor(WINDOWS)
    predictor.process(batch([1, 0, 2, 0, 1]), {"logits": logits})
    found = predictor.finalize()
    assert found.arrays["outputs"].tolist() == [1, 0, 2, 0, 0]
    assert found.arrays["targets"].tolist() == [1, 0, 2, 0, 1]
    assert found.arrays["starts"].tolist() == [0, 5]
    assert (found.ids, found.counts) == (["v"], {"videos": 1, "seconds": 5})


def test_videos_are_joined_and_a_second_run_forgets_the_first():
    predictor = COINPredictor(WINDOWS)
    for targets in ([0, 1], [1, 1, 0]):
        predictor.process(batch(targets), {"logits": torch.eye(2).repeat(1, 2, 1)})
    assert predictor.finalize().arrays["starts"].tolist() == [0, 2, 5]
    predictor.reset()
    with pytest.raises(DataError, match="not a single batch"):
        predictor.finalize()


def test_a_class_that_the_model_does_not_know_is_named():
    with pytest.raises(DataError, match=r"'v' has the class 5, and the model knows 3 classes.*num_labels"):
        COINPredictor(WINDOWS).process(batch([0, 5]), {"logits": torch.zeros(1, 4, 3)})


def test_a_model_without_logits_is_named():
    with pytest.raises(ConfigError, match="COINPredictor needs the output logits"):
        COINPredictor(WINDOWS).process(batch([0]), {"hidden_video": torch.zeros(1, 6, 3)})


# Prediction without training


class Names(torch.nn.Module):
    """Encodes a name as the vector that its only token stands for."""

    VECTORS = torch.tensor([[3.0, 0.0], [1.0, 1.0], [0.0, 0.0]])

    def __init__(self):
        super().__init__()
        self.device_marker = torch.nn.Parameter(torch.zeros(1))

    def encode_text(self, caps, cmasks):
        assert cmasks.all()
        return self.VECTORS[caps[:, 0]]


def zero_shot(labels, config=WINDOWS):
    dataset = SimpleNamespace(
        meta_processor=SimpleNamespace(labels=labels),
        text_processor=lambda name: {"stir": [0], "fry": [1], "pour": [2]}[name],
        align_processor=SimpleNamespace(
            _build_text_seq=lambda ids: (torch.tensor(ids), torch.ones(len(ids), dtype=torch.bool))
        ),
    )
    predictor = COINZSPredictor(config)
    predictor.prepare(Names(), dataset)
    return predictor


def test_a_second_is_background_unless_it_beats_the_likeness_of_the_names():
    predictor = zero_shot(("O", "stir", "", "fry"))
    assert predictor.threshold == 3.0  # stir (3, 0) with fry (1, 1)
    hidden = torch.zeros(1, 6, 2)
    hidden[0, 1:5] = torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 4.0], [0.0, 0.0]])
    predictor.process(batch([0, 1, 3, 0]), {"hidden_video": hidden})
    # Scores of stir and fry: 3, 1 (not above 3); 6, 2; 0, 4; 0, 0. Class 2 has no name.
    assert predictor.finalize().arrays["outputs"].tolist() == [0, 1, 3, 0]


def test_with_normalised_vectors_a_second_is_compared_by_its_direction():
    predictor = zero_shot(("O", "stir", "fry"), WINDOWS.replace(model=ModelConfig(normalize=True)))
    hidden = torch.zeros(1, 6, 2)
    hidden[0, 1] = torch.tensor([9.0, 0.0])
    # Of length 1 the second scores 3 with stir (3, 0), not above 3, which stir and fry (1, 1) have together.
    predictor.process(batch([0]), {"hidden_video": hidden})
    assert predictor.finalize().arrays["outputs"].tolist() == [0]


def test_hidden_states_of_cls_and_sep_are_not_seconds():
    predictor = zero_shot(("O", "stir", "fry"))
    hidden = torch.full((1, 6, 2), 9.0)
    hidden[0, 1:5] = 0.0
    predictor.process(batch([0, 1]), {"hidden_video": hidden})
    assert predictor.finalize().arrays["outputs"].tolist() == [0, 0]


def test_with_one_name_there_is_no_likeness_to_beat():
    assert zero_shot(("O", "stir")).threshold == -np.inf


def test_names_without_a_finite_vector_are_no_reason_to_call_all_background(monkeypatch):
    monkeypatch.setattr(Names, "VECTORS", torch.full((3, 2), torch.nan))
    with pytest.raises(DataError, match="a class's name holds NaN"):
        zero_shot(("O", "stir", "fry"))


def test_data_without_names_is_named():
    dataset = SimpleNamespace(meta_processor=SimpleNamespace())
    with pytest.raises(ConfigError, match="SimpleNamespace has no 'labels'"):
        COINZSPredictor(WINDOWS).prepare(Names(), dataset)


def test_a_model_without_hidden_states_is_named():
    with pytest.raises(ConfigError, match="COINZSPredictor needs the output hidden_video"):
        zero_shot(("O", "stir", "fry")).process(batch([0]), {"logits": torch.zeros(1)})


# Metric


def test_answering_background_everywhere_scores_the_baseline_and_nothing_in_the_foreground():
    targets = np.array([0] * 6 + [1, 1, 2, 3])
    metric = COINActionSegmentationMetric()
    assert metric.compute(np.zeros(10, int), targets) == {"frame_acc": 0.6, "foreground_acc": 0.0}
    # Of one class for all seconds, 0 is best overall (6 of 10), 1 in the foreground (2 of 4).
    assert metric.baseline(np.zeros(10, int), targets) == {"frame_acc": 0.6, "foreground_acc": 0.5}


def test_details_add_up():
    details = COINActionSegmentationMetric().details(np.array([0, 1, 1, 4, 2]), np.array([0, 0, 1, 2, 2]))
    assert details == {
        "notes": [
            "baseline: always the commonest class, 0 (0 is background)",
            "most predicted class: 1, 40.0 % of the seconds; in truth 20.0 %",
        ],
        "seconds": {"background": 2, "foreground": 3},
        "majority_class": {"class": 0, "share": 0.4},
        "most_predicted_class": {"class": 1, "share": 0.4},
        "mean_class_accuracy": (1 / 2 + 1 / 1 + 1 / 2) / 3,
        "per_class": {
            "0": {"seconds": 2, "predicted": 1, "right": 1, "accuracy": 0.5},
            "1": {"seconds": 1, "predicted": 2, "right": 1, "accuracy": 1.0},
            "2": {"seconds": 2, "predicted": 1, "right": 1, "accuracy": 0.5},
            "4": {"seconds": 0, "predicted": 1, "right": 0, "accuracy": None},
        },
    }


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=40))
def test_every_second_is_counted_once(pairs):
    outputs, targets = np.array(pairs).T
    metric = COINActionSegmentationMetric()
    details, found = metric.details(outputs, targets), metric.compute(outputs, targets)
    rows = details["per_class"].values()
    assert sum(row["seconds"] for row in rows) == sum(row["predicted"] for row in rows) == len(pairs)
    assert sum(details["seconds"].values()) == len(pairs)
    assert found["frame_acc"] == pytest.approx(sum(row["right"] for row in rows) / len(pairs))


def test_without_foreground_its_accuracy_is_left_out():
    metric = COINActionSegmentationMetric()
    assert metric.compute(np.array([0, 1]), np.array([0, 0])) == {"frame_acc": 0.5}
    assert metric.baseline(np.array([0, 1]), np.array([0, 0])) == {"frame_acc": 1.0}


def test_what_cannot_be_measured_is_named():
    metric = COINActionSegmentationMetric()
    with pytest.raises(DataError, match=r"shape \(2,\) and true ones \(3,\)"):
        metric.compute(np.zeros(2, int), np.zeros(3, int))
    with pytest.raises(DataError, match="at least 1"):
        metric.baseline(np.zeros(0, int), np.zeros(0, int))
    with pytest.raises(DataError, match="class is negative"):
        metric.details(np.zeros(2, int), np.array([0, -100]))
