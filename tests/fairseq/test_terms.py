"""A loss of several terms: training minimises their sum and logs each."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import mmpt.losses
from mmpt.catalog import LOSSES
from mmpt.config.schema import LossConfig
from mmpt.errors import ConfigError
from mmpt.losses import Loss, T2VContraLoss, V2TContraLoss

pytestmark = pytest.mark.fairseq


class BothWays(Loss):
    """Texts find their videos in every batch, and videos their texts in every second one."""

    terms = ("texts", "videos")

    def __init__(self, config):
        super().__init__(config)
        self.texts, self.videos, self.batches = T2VContraLoss(config), V2TContraLoss(config), 0

    def forward(self, pooled_video, pooled_text):
        self.batches += self.training
        found = {"texts": self.texts(pooled_video=pooled_video, pooled_text=pooled_text)}
        if self.batches % 2 == 0:
            found["videos"] = self.videos(pooled_video=pooled_video, pooled_text=pooled_text)
        return found


@pytest.fixture
def both_ways(monkeypatch, workspace):
    monkeypatch.setitem(LOSSES._classes, "BothWays", BothWays)
    workspace.change("loss.loss_cls", "BothWays")


@pytest.mark.usefixtures("both_ways")
def test_each_term_is_logged_as_the_mean_over_the_batches_that_have_it(train):
    train("run", "--max-update", "3")

    rows = [json.loads(line) for line in Path("runs/run/metrics.jsonl").read_text().splitlines()]
    first, second, third = (row for row in rows if row["split"] == "train")
    for row in (first, third):
        assert row["texts_loss"] == pytest.approx(row["loss"], abs=1e-4)
        assert "videos_loss" not in row
    assert second["texts_loss"] + second["videos_loss"] == pytest.approx(second["loss"], abs=2e-4)
    (valid,) = (row for row in rows if row["split"] == "valid")
    assert valid["texts_loss"] == pytest.approx(valid["loss"], abs=1e-3)


def test_workers_log_the_same_kinds_of_values_whatever_their_batches_have():
    class Step:
        def build_loss(self):
            return BothWays(LossConfig())

        def __call__(self, model, sample):
            return torch.ones((), dtype=torch.float16), {"loss_terms": sample["terms"]}

    criterion = mmpt.losses.MMCriterion(SimpleNamespace(mmtask=Step(), target_dictionary=None))
    masks = torch.ones(2, 100_000, dtype=torch.bool)  # more words than half precision counts
    full = {"terms": {"texts": torch.ones(()), "videos": torch.ones(())}, "cmasks": masks}
    assert criterion(None, full)[2]["ntokens"] == 200_000
    kinds = [
        {name: torch.is_tensor(value) for name, value in criterion(None, sample)[2].items()}
        for sample in (full, {"terms": {}})
    ]
    assert kinds[0] == kinds[1]


@pytest.mark.usefixtures("both_ways")
def test_a_term_without_a_name_is_refused(train, monkeypatch):
    monkeypatch.setattr(BothWays, "terms", ("videos",))
    with pytest.raises(ConfigError, match=r"BothWays returned the term 'texts', .* names videos\. Name it"):
        train("run")
