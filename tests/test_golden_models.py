"""Models and contrastive losses against the numbers of the original systems."""

import json

import pytest
import torch
from safetensors.torch import load_file

import mmpt.losses
import mmpt.models
from mmpt.config import TaskConfig
from mmpt.models import build_model, load_into

CASES = ["separate", "share", "joint_full", "joint_iso_all", "joint_iso_all_train", "joint_iso_some"]


def case_config(folder, tiny_bert):
    values = json.loads((folder / "case.json").read_text())["config"]
    values["dataset"]["bert_name"] = str(tiny_bert)
    return TaskConfig.from_mapping(values)


@pytest.fixture(params=CASES)
def case(request, golden, tiny_bert):
    """(model, inputs, expected) of one case."""
    folder = golden / request.param
    config = case_config(folder, tiny_bert)
    model = getattr(mmpt.models, config.model.model_cls)(config)
    model.load_state_dict(load_file(folder / "weights.safetensors"), strict=True)
    return model.eval(), load_file(folder / "inputs.safetensors"), load_file(folder / "outputs.safetensors")


def test_outputs_losses_and_gradients_equal_the_originals(case):
    model, inputs, expected = case
    outputs = model(**inputs)
    losses = {
        name: getattr(mmpt.losses, name.removeprefix("loss."))()(
            pooled_video=outputs["pooled_video"], pooled_text=outputs["pooled_text"]
        )
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
        torch.testing.assert_close(found[name], tensor, atol=1e-4, rtol=1e-4, msg=name)


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
    config = mmpt.utils.recursive_config(folder / "task.yaml")
    config = config.replace(dataset=config.dataset.replace(bert_name=str(tiny_bert)))
    model = build_model(config, pretrained=False).eval()
    report = load_into(model, folder / "checkpoint_best.pt")
    assert report.missing == report.unexpected == []
    expected = load_file(folder / "expected.safetensors")
    inputs = {name: expected[name] for name in ("caps", "cmasks", "vfeats", "vmasks")}
    outputs = model(**inputs)
    for name in ("pooled_video", "pooled_text"):
        torch.testing.assert_close(outputs[name], expected[name], atol=1e-4, rtol=1e-4)
