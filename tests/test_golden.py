"""Recorded numbers of the original systems, to 1e-4: models, losses, gradients, S3D, aligners, metrics,
captions, expanded projects, commands, and a checkpoint and shards that the original wrote.

Where ours differs on purpose, the test asserts our rule and says why.
"""

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import locallaunch
import mmpt.evaluators
import mmpt.losses
import mmpt.processors
from mmpt.config.includes import merge_layers
from mmpt.config.project import expand
from mmpt.datasets import build_dataset
from mmpt.models import build_model, load_into
from mmpt.utils import recursive_config
from mmpt_cli.localjob import JOB_TYPES

ROOT = Path(__file__).parent.parent
KEYS = ("caps", "cmasks", "vfeats", "vmasks")


def close(found, expected, name):
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4, msg=lambda text: f"{name}: {text}")


# Models and losses

MODELS = ["separate", "share", "joint_full", "joint_iso_all", "joint_iso_all_train", "joint_iso_some"]


@pytest.fixture(params=MODELS)
def case(request, golden_case):
    """(model, inputs, expected) of one case."""
    return golden_case(request.param)


def test_outputs_losses_and_gradients_equal_the_originals(case):
    model, inputs, expected = case
    outputs = model(**inputs)
    pooled = {name: outputs[name] for name in ("pooled_video", "pooled_text")}
    losses = {
        name: getattr(mmpt.losses, name.removeprefix("loss."))()(**pooled)
        for name in expected
        if name.startswith("loss.")
    }
    if losses:
        losses["loss.MMContraLoss"].backward()
    gradients = {
        f"gradnorm.{name}": parameter.grad.norm()
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }
    found = {**outputs, **losses, **gradients}
    assert set(expected) <= set(found)
    assert set(gradients) <= set(expected)
    for name, tensor in expected.items():
        close(found[name], tensor, name)


def test_inputs_are_left_alone(case):
    model, inputs, _ = case
    before = {name: tensor.clone() for name, tensor in inputs.items()}
    model(**inputs)
    for name, tensor in before.items():
        assert torch.equal(inputs[name], tensor)


def test_removing_padding_changes_no_result(case):
    model, inputs, expected = case
    model.config = model.config.replace(model=model.config.model.replace(remove_padding=True))
    outputs = model(**inputs)
    for name in ("pooled_video", "pooled_text"):
        torch.testing.assert_close(outputs[name], expected[name], atol=1e-5, rtol=1e-5)


def test_a_fairseq_checkpoint_of_the_original_predicts_the_same(golden, tiny_bert):
    folder = golden / "legacy"
    config = recursive_config(folder / "task.yaml")
    config = config.replace(dataset=config.dataset.replace(bert_name=str(tiny_bert)))
    model = build_model(config, pretrained=False).eval()
    report = load_into(model, folder / "checkpoint_best.pt")
    assert report.missing == report.unexpected == []
    expected = load_file(folder / "expected.safetensors")
    outputs = model(**{name: expected[name] for name in KEYS})
    for name in ("pooled_video", "pooled_text"):
        close(outputs[name], expected[name], name)


# S3D


def formula_state(shapes, seed):
    """Weights by the formula in the case."""
    state = {}
    for name, shape in shapes.items():
        if name.endswith("num_batches_tracked"):
            state[name] = torch.zeros((), dtype=torch.int64)
            continue
        x = np.random.default_rng(zlib.crc32(name.encode()) + seed).standard_normal(shape)
        if name.endswith("running_var"):
            x = 0.5 + np.abs(x)
        elif name.endswith(("running_mean", "bias")):
            x = 0.1 * x
        elif len(shape) == 1:
            x = 1 + 0.1 * x
        else:
            x = x * np.sqrt(2 / np.prod(shape[1:]))
        state[name] = torch.from_numpy(x.astype(np.float32))
    return state


def test_s3d_reproduces_the_published_network_from_its_public_import(golden, tmp_path):
    from mmpt.processors.models.s3dg import S3D

    case = json.loads((golden / "s3d" / "case.json").read_text())
    np.save(tmp_path / "dict.npy", np.array(case["dict_words"]))
    model = S3D(tmp_path / "dict.npy", 512).eval()
    assert {k: list(v.shape) for k, v in model.state_dict().items()} == case["state_dict"]
    model.load_state_dict(formula_state(case["state_dict"], case["seed"]), strict=True)
    expected = load_file(golden / "s3d" / "outputs.safetensors")
    with torch.no_grad():
        found = model(load_file(golden / "s3d" / "inputs.safetensors")["video"])
        found["text_embedding"] = model.embed_text(case["sentences"])
    for name, tensor in expected.items():
        close(found[name], tensor, name)


# Aligners, on recorded inputs and on the original's own shards


@pytest.mark.parametrize("length", ["long", "short"])
def test_ds_aligner_equals_the_original(golden, tmp_path, monkeypatch, length):
    # 8 seconds of video and 24 - 8 = 16 text positions; "long" is 25 seconds and 30 words, "short" 5 and 4.
    case = json.loads((golden / "aligners" / "case.json").read_text())
    (tmp_path / "task.yaml").write_text(json.dumps({"dataset": case["dataset"]}))
    monkeypatch.chdir(golden)
    aligner = mmpt.processors.DSAligner(recursive_config(tmp_path / "task.yaml").dataset)
    inputs = load_file(golden / "aligners" / "inputs.safetensors")
    expected = load_file(golden / "aligners" / "outputs.safetensors")
    example = aligner("v", inputs[f"video_{length}"].numpy(), inputs[f"text_{length}"].tolist())
    for key in KEYS:
        assert example[key].dtype == expected[f"ds.{length}.{key}"].dtype
        assert torch.equal(example[key], expected[f"ds.{length}.{key}"])


@pytest.mark.parametrize("read_mode", ["mmap", "pread"])
def test_shards_of_the_original_give_the_inputs_of_the_original(golden, legacy_config, read_mode):
    # expected: for each validation video DSAligner's input from its first caption.
    expected = load_file(golden / "legacy" / "expected.safetensors")
    config = legacy_config.replace(dataset=legacy_config.dataset.replace(read_mode=read_mode))
    dataset = build_dataset(config, "valid")
    aligner = mmpt.processors.DSAligner(config.dataset)
    assert len(dataset) == len(expected["caps"]) == 2
    for item in range(2):
        video, text = dataset.meta_processor[item]
        first_caption = dataset.text_processor(text)["cap"][0]
        example = aligner(video, dataset.video_processor(video), first_caption[first_caption >= 0])
        for key in KEYS:
            assert torch.equal(example[key], expected[key][item])
        assert example["video_id"] == f"v000{12 + item}"


# Metrics and captions


def test_retrieval_metric_gives_the_recorded_values(golden):
    # The recorded scores hold no ties, which count against the model here.
    scores = np.load(golden / "metrics" / "retrieval_sim.npy")
    expected = json.loads((golden / "metrics" / "expected.json").read_text())["RetrievalMetric"]
    assert mmpt.evaluators.RetrievalMetric().compute(scores) == pytest.approx(expected, abs=1e-4)


def test_captions_lose_the_recorded_repeats(golden):
    cases = json.loads((golden / "dedup" / "cases.json").read_text())
    outputs = [case["output"] for case in cases]
    # The original cuts "now we cut" at the "t" of "the bread"; whole words overlap nowhere there.
    outputs[0] = {**outputs[0], "text": ["now we cut", "the bread"]}
    for case, expected in zip(cases, outputs, strict=True):
        assert mmpt.processors.CaptionDedupProcessor()("video", case["input"]) == expected


# Projects and the launcher

RECORD = json.loads((ROOT / "tests/golden/launcher.json").read_text())
# The original names a class that never existed; ours is the one it must have meant.
RENAMED = {"MMFusionForMFMMLM": "MMBertForMFMMLM"}
CONFIGS = [(project, file) for project, files in RECORD["projects"].items() for file in files]


@pytest.fixture(scope="module")
def expanded():
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        return {project: expand(f"projects/{project}.yaml") for project in RECORD["projects"]}


@pytest.mark.parametrize("project", RECORD["projects"])
def test_a_project_expands_to_the_recorded_files(expanded, project):
    assert sorted(expanded[project]) == sorted(RECORD["projects"][project])


@pytest.mark.parametrize(("project", "file"), CONFIGS)
def test_an_expanded_task_equals_the_recorded_one(expanded, project, file):
    recorded = RECORD["projects"][project][file]
    model = {key: RENAMED.get(value, value) for key, value in recorded["model"].items()}
    ours = merge_layers(expanded[project][file])
    assert ours == {**recorded, "model": model}
    # The command lists the options in this order.
    assert json.dumps(ours["fairseq"]) == json.dumps(recorded["fairseq"])


@pytest.mark.parametrize("case", RECORD["commands"])
def test_a_command_equals_the_recorded_one(case, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    path, job_type = case.split()
    assert locallaunch.main([f"projects/{path}", "--jobtype", job_type, "--dryrun"]) == 0
    assert capsys.readouterr().out.rstrip("\n") == RECORD["commands"][case]


@pytest.mark.parametrize("size", ["small", "big"])
def test_the_job_types_of_the_cluster_run_as_local_ones(size):
    # Every shipped training task says sweep_*, which names no job of the original's local launcher.
    assert JOB_TYPES[f"sweep_{size}"] == JOB_TYPES[f"local_{size}"]
