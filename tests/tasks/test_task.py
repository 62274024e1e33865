"""Task: builds the parts of a configuration and runs the model it is given."""

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from mmpt.errors import CheckpointError, ConfigError
from mmpt.losses import MMContraLoss
from mmpt.models import MMFusionSeparate
from mmpt.tasks import Task
from mmpt.utils import recursive_config


@pytest.fixture
def task(golden, monkeypatch):
    """The task that the original toolkit trained."""
    monkeypatch.chdir(golden / "legacy")
    config = recursive_config("task.yaml")
    return Task.config_task(config.replace(dataset=config.dataset.replace(bert_name="../bert")))


@pytest.fixture
def sample(task):
    data = task.build_dataset("train", seed=1)
    return data.collater([data[0], data[1]])


class Scores(nn.Module):
    """A model that reads one key and scores it with one weight."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, vfeats):
        pooled = vfeats.mean(1) * self.weight
        return {"pooled_video": pooled, "pooled_text": pooled}


class Wrapper(nn.Module):
    """What distributed training puts around a model: it takes anything."""

    def __init__(self, module):
        super().__init__()
        self.module, self.calls = module, 0

    def forward(self, *args, **kwargs):
        self.calls += 1
        return self.module(*args, **kwargs)


def test_the_parts_are_those_of_the_task_file(task):
    assert type(task) is Task
    assert isinstance(task.build_model(), MMFusionSeparate)
    assert isinstance(task.build_loss(), MMContraLoss)
    assert len(task.build_dataset("train")) == 12
    assert len(task.build_dataset("valid")) == 2


def test_a_step_counts_every_clip_as_a_pair(task, sample):
    assert sample["caps"].shape[:2] == (2, 4)
    model = task.build_model().eval()
    loss, outputs = task(model, sample)
    assert outputs["pooled_video"].shape == (8, 48)
    expected = MMContraLoss()(pooled_video=outputs["pooled_video"], pooled_text=outputs["pooled_text"])
    assert loss == expected


def test_the_model_that_is_given_runs_wrapper_included(task, sample):
    wrapped = Wrapper(task.build_model())
    task(wrapped, sample)
    assert wrapped.calls == 1


def test_a_model_gets_only_the_inputs_that_it_names(task, sample):
    model = Scores()
    outputs = task.forward(model, sample)
    assert outputs["pooled_video"].equal(sample["vfeats"].flatten(0, 1).mean(1))


def test_a_model_that_needs_more_than_the_aligner_gives_is_refused(task, sample):
    model = task.build_model()
    del sample["cmasks"]
    with pytest.raises(
        ConfigError, match=r"MMFusionSeparate needs 'cmasks', which dataset\.aligner 'Overlapped"
    ):
        task(model, sample)


def test_a_loss_that_does_not_fit_the_model_is_refused(task, sample):
    task.config = task.config.replace(loss=task.config.loss.replace(loss_cls="CrossEntropy"))
    with pytest.raises(
        ConfigError, match="CrossEntropy needs 'logits', which the model or the aligner does not"
    ):
        task(task.build_model(), sample)


def test_a_task_without_loss_can_be_evaluated_but_not_trained(task, sample):
    task.config = task.config.replace(loss=task.config.loss.replace(loss_cls=None))
    task.forward(task.build_model(), sample)
    with pytest.raises(ConfigError, match=r"loss\.loss_cls is missing\. Known: .*MMContraLoss"):
        task.build_loss()


def test_the_original_checkpoint_predicts_what_it_did(task, golden):
    report = task.load_checkpoint("checkpoint_best.pt")
    assert not report.missing
    expected = load_file(golden / "legacy" / "expected.safetensors")
    with torch.no_grad():
        outputs = task.forward(task.model.eval(), expected)
    for name in ("pooled_video", "pooled_text"):
        torch.testing.assert_close(outputs[name], expected[name], atol=1e-4, rtol=0)


def test_a_checkpoint_of_another_model_is_refused(task, tmp_path):
    torch.save(Scores().state_dict(), tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match=r"other\.pt belongs to another model.*MMFusionSeparate"):
        task.load_checkpoint(tmp_path / "other.pt")


class Terms(nn.Module):
    """A loss of two terms."""

    def forward(self, pooled_video, pooled_text):
        return {"one": pooled_video.mean(), "two": 2 * pooled_text.mean()}


def test_the_loss_is_the_sum_of_the_terms_that_it_returns(task, sample):
    task.loss = Terms()
    loss, outputs = task(Scores(), sample)
    mean = outputs["pooled_video"].mean()
    assert loss.item() == pytest.approx(3 * mean.item())
    assert outputs["loss_terms"] == {"one": mean, "two": 2 * mean}
