"""Recorded numbers of segmentation and localisation: logits and losses of the original, and metrics."""

import json

import numpy as np
import pytest
import torch

import mmpt.losses
from mmpt.evaluators import (
    ActionRecognitionMetric,
    COINActionSegmentationMetric,
    CrossTaskMetric,
    DiDeMoMetric,
)
from mmpt.evaluators.didemo import MOMENTS
from mmpt.tasks.reshape import flatten_clips

SEGMENTATION = ["action_segmentation", "separate_action_segmentation"]
LOCALIZATION = ["action_localization", "separate_action_localization", "share_action_localization"]
KEYS = ("caps", "cmasks", "vfeats", "vmasks")


@pytest.mark.parametrize("name", SEGMENTATION + LOCALIZATION)
@pytest.mark.parametrize("flat", [False, True], ids=["as recorded", "as the task passes them"])
def test_logits_and_losses_equal_the_originals(golden_case, name, flat):
    model, inputs, expected = golden_case(name)
    batch = flatten_clips(inputs) if flat else inputs
    with torch.no_grad():
        found = model(**{key: batch[key] for key in KEYS})
    torch.testing.assert_close(found["logits"], expected["logits"], atol=1e-4, rtol=1e-4)
    loss_name = "CrossEntropy" if name in SEGMENTATION else "BCE"
    loss = getattr(mmpt.losses, loss_name)()(logits=found["logits"], targets=batch["targets"])
    torch.testing.assert_close(loss, expected[f"loss.{loss_name}"], atol=1e-4, rtol=1e-4)


# Metrics


@pytest.fixture
def record(golden):
    """Function: name of a metric's file -> (its content, the expected values of a metric class)."""
    expected = json.loads((golden / "metrics" / "expected.json").read_text())
    return lambda name, metric: (json.loads((golden / "metrics" / name).read_text()), expected[metric])


def test_frame_accuracy_has_the_recorded_value(record):
    case, expected = record("labels.json", "COINActionSegmentationMetric")
    found = COINActionSegmentationMetric().compute(np.array(case["outputs"]), np.array(case["targets"]))
    assert found["frame_acc"] == pytest.approx(expected["frame_acc"], abs=1e-6)


def test_step_recall_has_the_recorded_values_of_each_task_and_in_the_mean(record):
    case, expected = record("crosstask.json", "CrossTaskMetric")
    pairs = [
        (task, np.array(case["outputs"][task][video]), np.array(target, dtype=bool))
        for task, videos in case["targets"].items()
        for video, target in videos.items()
    ]
    arrays = {
        # The record marks the chosen second of a step with 1.
        "outputs": np.concatenate([output.argmax(axis=0) for _, output, _ in pairs]),
        "targets": np.concatenate([target.ravel() for *_, target in pairs]),
        "shapes": np.array([target.shape for *_, target in pairs]),
        "tasks": np.array([task for task, *_ in pairs]),
    }
    metric = CrossTaskMetric()
    per_task = metric.details(**arrays)["per_task"]
    found = {**metric.compute(**arrays), **{task: row["recall"] for task, row in per_task.items()}}
    assert found == pytest.approx(expected, abs=1e-6)


def test_moment_ranking_has_the_recorded_values(record):
    case, expected = record("didemo.json", "DiDeMoMetric")
    place = {tuple(moment): number for number, moment in enumerate(MOMENTS.tolist())}
    scores = np.full((len(case["outputs"]), len(MOMENTS)), -np.inf)
    for row, ranking in zip(scores, case["outputs"], strict=True):
        for rank, moment in enumerate(ranking):
            row[place[tuple(moment)]] = -rank
    times = np.array([target["times"] for target in case["targets"]])
    assert DiDeMoMetric().compute(scores, times) == pytest.approx(expected, abs=1e-6)


def test_action_recognition_has_the_recorded_values_of_every_split(record):
    case, expected = record("action_recognition.json", "ActionRecognitionMetric")
    arrays = {name: np.array(values) for name, values in case.items()}
    metric = ActionRecognitionMetric()
    found = {**metric.details(**arrays), **metric.compute(**arrays)}
    assert {name: found[name] for name in expected} == {
        name: pytest.approx(value, abs=1e-6) for name, value in expected.items()
    }
