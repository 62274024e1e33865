"""Parameters that learn at a rate of their own, and those that weight decay leaves alone."""

import pytest
import torch
from fairseq.optim.adam import FairseqAdamConfig
from omegaconf import OmegaConf

from mmpt.catalog import MODELS
from mmpt.errors import ConfigError
from mmpt.fairseq_plugin import GroupedAdam
from mmpt.models import MMFusionSeparate

pytestmark = pytest.mark.fairseq


class FrozenText(MMFusionSeparate):
    """The words learn nothing, the rest of the text tower does not decay."""

    def __init__(self, config, pretrained=True):
        super().__init__(config, pretrained)
        for name, parameter in self.text_encoder.named_parameters():
            words = "word_embeddings" in name
            factors = {"lr_scale": 0.0} if words else {"weight_decay_scale": 0.0}
            parameter.optim_overrides = {"optimizer": factors}


@pytest.fixture
def grouped(monkeypatch, workspace):
    monkeypatch.setitem(MODELS._classes, "FrozenText", FrozenText)
    workspace.change("model.model_cls", "FrozenText")
    workspace.change("fairseq.optimization.optimizer", "grouped_adam")
    workspace.change("fairseq.optimization.weight_decay", 0.1)
    workspace.without_dropout()


@pytest.mark.usefixtures("grouped")
def test_factors_hold_in_every_update_and_after_a_restart(workspace, train):
    train("whole", "--max-update", "4")
    train("cut", "--max-update", "2")
    half = workspace.checkpoint("cut")
    train("cut", "--max-update", "4")

    end = workspace.checkpoint("cut")
    words = "mmmodel.text_encoder.embeddings.word_embeddings.weight"
    moved = {name for name, weight in end["model"].items() if not torch.equal(weight, half["model"][name])}
    assert words not in moved
    assert words.replace("word", "position") in moved
    assert "mmmodel.video_encoder.bert.embeddings.word_embeddings.weight" in moved
    groups = end["last_optimizer_state"]["param_groups"]
    assert sorted((each["lr_scale"], each["weight_decay"]) for each in groups) == [(0, 0.1), (1, 0), (1, 0.1)]
    assert workspace.distance("whole", "cut") < 1e-6


def test_it_is_refused_where_no_parameter_has_factors(workspace, train):
    workspace.change("fairseq.optimization.optimizer", "grouped_adam")
    with pytest.raises(ConfigError, match=r"no parameter has optim_overrides\. Let the model set them, or"):
        train("run")


def test_factors_of_one_are_factors():
    weight = torch.nn.Parameter(torch.ones(2))
    weight.optim_overrides = {"optimizer": {"lr_scale": 1.0}}
    config = OmegaConf.structured(FairseqAdamConfig(lr=[0.1], weight_decay=0.5, tpu=False))
    [group] = GroupedAdam(config, iter([weight])).param_groups
    assert (group["lr"], group["weight_decay"]) == (0.1, 0.5)


def test_a_factor_that_does_not_exist_is_refused():
    weight = torch.nn.Parameter(torch.ones(2))
    weight.optim_overrides = {"optimizer": {"lr_scal": 0.1}}
    config = OmegaConf.structured(FairseqAdamConfig(lr=[0.1], tpu=False))
    with pytest.raises(ConfigError, match=r"'lr_scal', which .* Give lr_scale or weight_decay_scale\."):
        GroupedAdam(config, iter([weight]))
