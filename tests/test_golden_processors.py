"""Recorded inputs of the end tasks, bit for bit: question answering, COIN and CrossTask aligners."""

import json

import pytest
import torch
from safetensors.torch import load_file

from mmpt.processors import COINActionSegmentationAligner, CrossTaskAligner, MSRVTTQAAligner
from mmpt.utils import recursive_config


@pytest.fixture
def recorded(golden, tmp_path, monkeypatch):
    """(case, ``dataset`` section, inputs, outputs) of the aligner cases: 8 seconds, windows every 4."""
    folder = golden / "aligners"
    case = json.loads((folder / "case.json").read_text())
    (tmp_path / "task.yaml").write_text(json.dumps({"dataset": case["dataset"]}))
    monkeypatch.chdir(golden)
    section = recursive_config(tmp_path / "task.yaml").dataset
    inputs, outputs = (load_file(folder / f"{name}.safetensors") for name in ("inputs", "outputs"))
    return case, section, inputs, outputs


def texts(inputs, kind, length):
    prefix = f"{kind}_{length}_"
    return [inputs[name].tolist() for name in sorted(inputs) if name.startswith(prefix)]


def assert_equal(example, outputs, prefix):
    """Every recorded tensor of the case is in the example, with its type."""
    expected = {
        name.removeprefix(prefix): value for name, value in outputs.items() if name.startswith(prefix)
    }
    assert expected
    for key, value in expected.items():
        assert example[key].dtype == value.dtype, key
        assert torch.equal(example[key], value), key


@pytest.mark.parametrize("length", ["long", "short"])
def test_the_qa_aligner_equals_the_original(recorded, length):
    case, section, inputs, outputs = recorded
    candidates = texts(inputs, "qa", length)
    video = inputs[f"video_{length}"].numpy()
    example = MSRVTTQAAligner(section)("video7", video, (candidates, case["qa_answer"]))
    assert_equal(example, outputs, f"qa.{length}.")


@pytest.mark.parametrize("length", ["long", "short"])
def test_the_coin_aligner_equals_the_original(recorded, length):
    # The last of three segments ends 4 seconds after the video.
    case, section, inputs, outputs = recorded
    video = inputs[f"video_{length}"].numpy()
    ends = [len(video) + 4 if end == "len(video)+4" else end for end in case["coin_segments"]["end"]]
    example = COINActionSegmentationAligner(section)("v", video, {**case["coin_segments"], "end": ends})
    assert_equal(example, outputs, f"coin.{length}.")
    assert (example["video_len"], example["video_id"]) == (len(video), "v")


@pytest.mark.parametrize("length", ["long", "short"])
def test_the_crosstask_aligner_equals_the_original(recorded, tmp_path, length):
    # "long" has 25 seconds: 5 windows of 8 and one of 5 give 45 rows; the third step never happens.
    case, section, inputs, outputs = recorded
    (tmp_path / "16815_v.csv").write_text(case["crosstask_csv"])
    video, steps = inputs[f"video_{length}"].numpy(), texts(inputs, "steps", length)
    aligner = CrossTaskAligner(section.replace(annotation_path=str(tmp_path)))
    example = aligner(("16815", "v"), video, steps)
    assert_equal(example, outputs, f"crosstask.{length}.")
    assert (example["task_id"], example["video_id"], example["video_len"]) == ("16815", "v", len(video))
