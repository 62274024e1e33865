"""Recorded numbers of masked modelling: logits, loss and gradients, to 1e-4."""

import pytest
import torch

from mmpt.losses import MFMMLM, MTM

CASES = {"mfmmlm": MFMMLM, "mtm": MTM, "mtm_textgen_mask": MTM}
LABELS = ("video_label", "text_label")


@pytest.fixture(params=CASES)
def case(request, golden_case):
    """(model, loss, inputs, expected) of one case."""
    model, inputs, expected = golden_case(request.param)
    return model, CASES[request.param](), inputs, expected


def found_in(model, loss_of, inputs):
    outputs = model(**inputs)
    loss = loss_of(**outputs, **{name: inputs[name] for name in LABELS})
    model.zero_grad()
    loss.backward()
    gradients = {
        f"gradnorm.{name}": parameter.grad.norm()
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }
    return {**outputs, "loss": loss, **gradients}


@pytest.mark.parametrize("remove_padding", [False, True])
def test_logits_loss_and_gradients_equal_the_originals(case, remove_padding):
    model, loss_of, inputs, expected = case
    model.config = model.config.replace(model=model.config.model.replace(remove_padding=remove_padding))
    found = found_in(model, loss_of, inputs)
    assert set(expected) <= set(found)
    for name, tensor in expected.items():
        torch.testing.assert_close(
            found[name], tensor, atol=1e-4, rtol=1e-4, msg=lambda text, name=name: f"{name}: {text}"
        )
    if any(name.startswith("gradnorm.") for name in expected):
        assert {name for name in found if name.startswith("gradnorm.")} <= set(expected)


def test_inputs_are_left_alone(case):
    model, loss_of, inputs, _ = case
    before = {name: tensor.clone() for name, tensor in inputs.items()}
    found_in(model, loss_of, inputs)
    for name, tensor in before.items():
        assert torch.equal(inputs[name], tensor)
