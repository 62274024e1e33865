"""Multiple choice: the recorded accuracy, ties, the baseline, and answers that cannot be."""

import json

import numpy as np
import pytest
import torch
import yaml

from mmpt.errors import ConfigError, DataError
from mmpt.evaluators import Evaluator, QAMetric, QAPredictor
from mmpt.models import build_model
from mmpt.utils import load_config


def predict(*batches):
    predictor = QAPredictor()
    for videos, texts, answers in batches:
        outputs = {"pooled_video": torch.tensor(videos), "pooled_text": torch.tensor(texts)}
        names = [f"v{i}" for i in range(len(videos))]
        predictor.process({"answers": torch.tensor(answers)[:, None], "video_id": names}, outputs)
    return predictor.finalize()


ONE = ([[1.0, 0.0]], [[0.0, 1.0], [2.0, 0.0], [1.0, 9.0]], [1])  # scores 0, 2, 1


def test_accuracy_equals_the_recorded_one(golden):
    recorded = json.loads((golden / "metrics" / "labels.json").read_text())
    expected = json.loads((golden / "metrics" / "expected.json").read_text())["QAMetric"]
    assert QAMetric().compute(**recorded) == pytest.approx(expected)


def test_each_video_is_compared_with_its_own_candidates():
    two = ([[1.0, 0.0], [0.0, 1.0]], [[3.0, 0], [0, 5.0], [0, 3.0], [9.0, 0]], [0, 1])
    found = predict(two).arrays
    assert found["scores"].tolist() == [[3, 0], [3, 0]]  # the 5 and 9 point where the video does not
    assert found["outputs"].tolist() == [0, 0]
    assert found["targets"].tolist() == [0, 1]
    assert QAMetric().compute(**found) == {"acc": 0.5}


def test_a_task_file_gives_the_choices_of_the_model(retrieval_task, tmp_path):
    # v0...v3 of the task have features; two questions in one batch, and one in the next.
    lines = ["vid_key\ta1\ta2\ta3\ta4\ta5\tanswer"]
    lines += [f"v{i}\tcut the onion\tstir it fast\ta dog\ta cat\tthe pan\t{i % 3}" for i in range(3)]
    (tmp_path / "qa.csv").write_text("\n".join(lines) + "\n")
    task = yaml.safe_load(retrieval_task.read_text())
    task["dataset"] |= {
        "meta_processor": "MSRVTTQAMetaProcessor",
        "text_processor": "MSRVTTQATextProcessor",
        "aligner": "MSRVTTQAAligner",
        "test_path": str(tmp_path / "qa.csv"),
    }
    task |= {"metric": "QAMetric", "predictor": "QAPredictor"}
    task["fairseq"]["dataset"]["batch_size"] = 2
    retrieval_task.write_text(yaml.safe_dump(task))
    evaluator = Evaluator(load_config(retrieval_task), device="cpu")
    model = build_model(evaluator.config, pretrained=False).eval()
    found = evaluator.predict(model)
    assert found.counts == {"questions": 3}
    assert found.ids == ["v0", "v1", "v2"]
    assert found.arrays["targets"].tolist() == [0, 1, 2]
    for row, item in zip(found.arrays["scores"], map(evaluator.dataset.__getitem__, range(3)), strict=True):
        for score, caps, cmasks in zip(row, item["caps"], item["cmasks"], strict=True):
            with torch.no_grad():  # one candidate at a time
                one = model(caps[None], cmasks[None], item["vfeats"][None], item["vmasks"][None])
            assert score == pytest.approx(float(one["pooled_video"] @ one["pooled_text"].T), abs=1e-4)


def test_a_tie_counts_as_wrong():
    # A model that gives every candidate one score must not be right by standing first.
    tied = ([[1.0, 0.0]], [[2.0, 0.0], [2.0, 1.0]], [0])
    found = predict(tied).arrays
    assert QAMetric().compute(**found) == {"acc": 0}
    assert QAMetric().details(**found)["no_clear_choice"] == 1


def test_the_baseline_is_the_most_frequent_place_of_the_right_answer():
    found = {"outputs": np.array([0, 1, 2, 0]), "targets": np.array([3, 3, 1, 0]), "scores": np.zeros((4, 5))}
    assert QAMetric().baseline(**found) == {"acc": 2 / 4}
    assert QAMetric().details(**found)["notes"] == [
        "multiple choice of 5 (chance 20.0 %), not open-ended",
        "baseline: always candidate 3 (counted from 0)",
    ]


def test_an_answer_that_is_no_candidate_is_named():
    with pytest.raises(
        DataError, match="The answer of video 'v0' is candidate 3, and its candidates are 0 to 2"
    ):
        predict((*ONE[:2], [3]))


def test_questions_with_other_numbers_of_candidates_are_refused():
    with pytest.raises(DataError, match="more candidates than others"):
        predict(ONE, ([[1.0, 0.0]], [[0.0, 1.0], [2.0, 0.0]], [1]))


def test_a_model_of_another_task_is_named():
    with pytest.raises(ConfigError, match="QAPredictor needs the output pooled_video"):
        QAPredictor().process({"answers": torch.zeros(1, 1)}, {"logits": torch.zeros(1)})
    with pytest.raises(ConfigError, match="needs 'answers' of the aligner, which gives caps"):
        QAPredictor().process({"caps": torch.zeros(1, 1)}, {})


def test_nan_is_traced_to_its_video():
    with pytest.raises(DataError, match="scores of video 'v0' hold NaN"):
        predict(([[float("nan"), 0.0]], ONE[1], [1]))


def test_nothing_to_predict_is_said():
    with pytest.raises(DataError, match="not a single batch"):
        QAPredictor().finalize()
    with pytest.raises(DataError, match="one number per question"):
        QAMetric().compute([], [])
