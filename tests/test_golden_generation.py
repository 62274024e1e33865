"""Captioning against the recorded numbers: training logits, loss, greedy captions and those of 5 beams."""

import pytest
import torch

import mmpt.losses

TRAINING = ("caps", "cmasks", "vfeats", "vmasks", "attention_mask", "text_label")


@pytest.fixture(params=["nlg", "nlg_end"])
def case(request, golden_case):
    """(model, inputs, expected) of one case; in the second captions end early."""
    return golden_case(request.param)


def prompt(inputs):
    return {
        "caps": inputs["gen_caps"],
        "cmasks": inputs["gen_cmasks"],
        "vfeats": inputs["vfeats"],
        "vmasks": inputs["vmasks"],
        "attention_mask": inputs["gen_attention_mask"],
    }


def test_logits_and_loss_equal_the_originals(case):
    model, inputs, expected = case
    logits = model(**{name: inputs[name] for name in TRAINING})["logits"]
    torch.testing.assert_close(logits, expected["logits"], atol=1e-4, rtol=1e-4)
    loss = mmpt.losses.NLGLoss()(logits=logits, text_label=inputs["text_label"])
    torch.testing.assert_close(loss, expected["loss"], atol=1e-4, rtol=1e-4)


def test_removing_padding_changes_no_logit(case):
    model, inputs, expected = case
    model.config = model.config.replace(model=model.config.model.replace(remove_padding=True))
    logits = model(**{name: inputs[name] for name in TRAINING})["logits"]
    torch.testing.assert_close(logits, expected["logits"], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("beams", [1, 5])
def test_captions_equal_the_originals(case, beams):
    model, inputs, expected = case
    captions = model.generate(**prompt(inputs), num_beams=beams)
    assert torch.equal(captions, expected[f"generated_beams{beams}"])
