"""Recorded numbers of segmentation and localisation: logits and losses of the original, and metrics."""

import pytest
import torch

import mmpt.losses
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
