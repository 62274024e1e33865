"""Evaluator: from a task file and a checkpoint to predictions and a result that can be checked."""

import json

import numpy as np
import pytest
import torch
import yaml

import mmpt.evaluators.evaluator
from mmpt.errors import CheckpointError, ConfigError, DataError
from mmpt.evaluators import Evaluator, evaluate, read_result
from mmpt.evaluators.metric import retrieval_ranks
from mmpt.evaluators.results import feature_fingerprint
from mmpt.models import build_model
from mmpt.utils import load_config
from mmpt.utils.files import sha256


def change(task, section, **values):
    content = yaml.safe_load(task.read_text())
    content[section].update(values)
    task.write_text(yaml.safe_dump(content))
    return load_config(task)


def test_scores_are_the_models_own_dot_products(retrieval_task):
    config = load_config(retrieval_task)
    evaluator = Evaluator(config, device="cpu")
    model = build_model(config, pretrained=False).eval()
    scores = evaluator.predict(model).arrays["scores"]
    assert scores.shape == (4, 4)
    for i in range(4):  # one item at a time, without loop or predictor
        item = evaluator.dataset.collater([evaluator.dataset[i]])
        with torch.no_grad():
            own = evaluator.task.forward(model, item)
        assert scores[i, i] == pytest.approx(
            float((own["pooled_text"] * own["pooled_video"]).sum()), abs=1e-4
        )


def test_batch_size_changes_nothing(retrieval_task):
    config = load_config(retrieval_task)
    model = build_model(config, pretrained=False)
    one = Evaluator(config, device="cpu").predict(model)
    two = Evaluator(change(retrieval_task, "fairseq", dataset={"batch_size": 1}), device="cpu").predict(model)
    np.testing.assert_allclose(one.arrays["scores"], two.arrays["scores"], atol=1e-4)
    assert one.ids == two.ids == ["v0", "v1", "v2", "v3"]


def test_a_result_says_what_it_was_computed_from(retrieval_task, tmp_path):
    made = {"extractor": "s3d s3d_howto100m.pth 0123456789abcdef", "dim": 512, "fps": 30}
    (tmp_path / "feat/extraction.json").write_text(json.dumps(made))
    result = evaluate(load_config(retrieval_task), device="cpu")
    written = json.loads((tmp_path / "runs/eval/checkpoint_best.result.json").read_text())
    scores = np.load(tmp_path / "runs/eval" / written["predictions"]["scores"])
    assert written["metrics"]["R1"] == {
        "value": float(np.mean(retrieval_ranks(scores) == 1)),
        "baseline": 1 / 4,
        "percent": True,
    }
    assert written["metrics"]["MR"]["baseline"] == 2.5
    assert written["counts"] == {"queries": 4, "candidates": 4}
    assert list(written["skipped"].values()) == [1]  # v4 has no features
    assert written["split"] == "test"
    files = sorted((tmp_path / "feat").glob("*.npy"))
    expected = {"folder": str(tmp_path / "feat"), "made": made, **feature_fingerprint(files)}
    assert written["features"] == expected
    assert written["features"]["files"] == 4
    assert written["checkpoint"]["sha256"] == sha256(tmp_path / "runs/checkpoint_best.pt")
    assert written["config"]["model"]["model_cls"] == "MMFusionSeparate"
    assert json.loads((tmp_path / "runs/eval/checkpoint_best.ids.json").read_text()) == [
        "v0",
        "v1",
        "v2",
        "v3",
    ]
    items = json.loads((tmp_path / "runs/eval/checkpoint_best.items.json").read_text())["items"]
    assert [item["video"] for item in items] == ["v0", "v1", "v2", "v3"]
    assert all(item["text"] for item in items)
    assert written["seconds"] > 0
    assert written["hardware"]["versions"]["torch"] == torch.__version__
    assert read_result(tmp_path / "runs/eval/checkpoint_best.result.json") == result


def test_a_model_in_memory_is_evaluated_too(retrieval_task, tmp_path):
    config = load_config(retrieval_task)
    model = build_model(config, pretrained=False).train()
    result = Evaluator(config, device="cpu").evaluate(model, "untrained", save_path=tmp_path / "elsewhere")
    assert result.checkpoint is None
    assert model.training
    assert sorted(file.name for file in (tmp_path / "elsewhere").iterdir()) == [
        "untrained.ids.json",
        "untrained.items.json",
        "untrained.result.json",
        "untrained.scores.npy",
    ]


def test_without_a_metric_only_predictions_are_written(retrieval_task, tmp_path):
    result = evaluate(load_config(retrieval_task).replace(metric=None), device="cpu")
    assert (result.metric, result.metrics) == (None, {})
    assert (tmp_path / "runs/eval/checkpoint_best.scores.npy").exists()


def test_nothing_is_left_behind_when_saving_fails(retrieval_task, tmp_path, monkeypatch):
    def disk_full(path, value):
        raise OSError("No space left on device")

    monkeypatch.setattr(mmpt.evaluators.evaluator, "write_json", disk_full)
    with pytest.raises(OSError, match="No space left"):
        evaluate(load_config(retrieval_task), device="cpu")
    # the arrays were whole before; there is no result file, and no temporary one
    assert [file.name for file in (tmp_path / "runs/eval").iterdir()] == ["checkpoint_best.scores.npy"]


def test_a_model_whose_weights_are_nan_has_no_rank(retrieval_task):
    config = load_config(retrieval_task)
    model = build_model(config, pretrained=False)
    next(model.parameters()).data.fill_(float("nan"))
    with pytest.raises(DataError, match="hold NaN"):
        Evaluator(config, device="cpu").evaluate(model, "broken")


def test_bfloat16_is_close_to_float32(retrieval_task):
    config = load_config(retrieval_task)
    model = build_model(config, pretrained=False)
    exact = Evaluator(config, device="cpu").predict(model).arrays["scores"]
    rough = Evaluator(config, device="cpu", dtype=torch.bfloat16).predict(model).arrays["scores"]
    np.testing.assert_allclose(rough, exact, atol=0.05 * np.abs(exact).max())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_gpu_and_cpu_agree(retrieval_task):
    config = load_config(retrieval_task)
    model = build_model(config, pretrained=False)
    cpu = Evaluator(config, device="cpu").predict(model).arrays["scores"]
    gpu = Evaluator(config, device="cuda").predict(model).arrays["scores"]
    np.testing.assert_allclose(gpu, cpu, atol=1e-3)


def test_what_is_missing_is_named(retrieval_task, tmp_path, monkeypatch):
    config = load_config(retrieval_task)
    with pytest.raises(CheckpointError, match=r"nothing\.pt does not exist.*--checkpoint"):
        evaluate(config, checkpoint=tmp_path / "nothing.pt")
    with pytest.raises(ConfigError, match="predictor is missing"):
        Evaluator(config.replace(predictor=None))
    with pytest.raises(ConfigError, match="No checkpoint is named"):
        evaluate(config.replace(fairseq={}))
    with pytest.raises(ConfigError, match="Unknown predictor 'LaterPredictor'"):
        Evaluator(config.replace(predictor="LaterPredictor"))


def test_an_empty_split_is_an_error(retrieval_task, tmp_path):
    (tmp_path / "test.csv").write_text("video_id,sentence\n")
    with pytest.raises(DataError, match=r"split 'test'.*test\.csv"):
        Evaluator(load_config(retrieval_task), device="cpu")


def test_a_checkpoint_that_lacks_weights_is_refused(retrieval_task, tmp_path):
    path = tmp_path / "runs/checkpoint_best.pt"
    state = torch.load(path, weights_only=True)
    first = next(key for key in state if key.startswith("text_encoder"))
    torch.save({key: value for key, value in state.items() if key != first}, path)
    with pytest.raises(CheckpointError, match=first):
        evaluate(load_config(retrieval_task), device="cpu")
    assert not (tmp_path / "runs/eval").exists()
