"""fairseq trains with cached gradients, a learned temperature and the sigmoid loss, and resumes them."""

import pytest
import torch

from mmpt.errors import CheckpointError
from mmpt.fairseq_plugin import MMCriterion
from mmpt.utils.trainlog import read_training_log

pytestmark = pytest.mark.fairseq


def test_cached_gradients_take_the_steps_of_the_whole_batch(workspace, train):
    workspace.without_dropout()
    workspace.take_plain_steps()
    train("whole", "--max-update", "3")
    workspace.change("loss.grad_cache_chunk", 3)
    train("chunks", "--max-update", "3")
    assert workspace.distance("whole", "chunks") < 5e-5


def test_cached_gradients_train_with_autocast(workspace, train):
    workspace.without_dropout()
    workspace.change("model.autocast", "bfloat16")
    train("whole", "--max-update", "2")
    workspace.change("loss.grad_cache_chunk", 3)
    train("chunks", "--max-update", "2")
    whole, chunks = (read_training_log(f"runs/{run}/metrics.jsonl").train for run in ("whole", "chunks"))
    assert [loss for _, loss in chunks] == pytest.approx([loss for _, loss in whole], rel=0.02)


def test_an_interrupted_run_with_dropout_and_a_learned_scale_goes_on_as_if_it_had_not_been(
    workspace, train, monkeypatch
):
    workspace.change("loss.grad_cache_chunk", 3)
    workspace.change("loss.temperature", 1.0)
    train("whole", "--max-update", "12")

    forward, seen = MMCriterion.forward, []

    def interrupted(self, model, sample, reduce=True):
        seen.extend([1] if model.training else [])
        if len(seen) == 9:
            raise KeyboardInterrupt
        return forward(self, model, sample, reduce)

    with monkeypatch.context() as patch:
        patch.setattr(MMCriterion, "forward", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train("cut", "--max-update", "12")
    train("cut", "--max-update", "12")

    assert workspace.distance("whole", "cut") == 0
    scales = [workspace.checkpoint(run)["criterion"]["loss.logit_scale"] for run in ("whole", "cut")]
    assert torch.equal(*scales)
    assert scales[0] != 0  # where log 1 was


def test_the_sigmoid_loss_trains_and_its_bias_is_kept(workspace, train):
    workspace.change("loss.loss_cls", "MMSigmoidLoss")
    workspace.change("model.normalize", True)
    train("sigmoid", "--max-update", "2")
    learned = workspace.checkpoint("sigmoid")["criterion"]
    assert learned.keys() == {"loss.logit_scale", "loss.logit_bias"}
    assert learned["loss.logit_bias"] != -10


def test_a_learned_temperature_can_be_added_to_a_checkpoint_without_one(workspace, train):
    train("plain", "--max-update", "2")
    workspace.change("loss.temperature", 0.5)
    flags = ["--restore-file", "runs/plain/checkpoint_last.pt", "--max-update", "1"]
    train("more", *flags, "--reset-optimizer", "--reset-dataloader", "--reset-meters")
    assert workspace.checkpoint("more")["criterion"]["loss.logit_scale"].exp().item() == pytest.approx(
        2, abs=0.1
    )


def test_what_another_loss_has_learned_is_refused(workspace, train):
    workspace.change("loss.temperature", 0.5)
    train("scale", "--max-update", "1")
    workspace.change("loss.loss_cls", "MMSigmoidLoss")
    with pytest.raises(Exception, match="Cannot load model parameters") as caught:
        train("scale", "--max-update", "2")
    assert isinstance(caught.value.__context__, CheckpointError)
    assert "what another loss than MMSigmoidLoss has learned" in str(caught.value.__context__)
