"""fairseq trains a task file: epochs, validation, checkpoints, interruption and old checkpoints."""

import math
from pathlib import Path

import pytest
import torch

from mmpt.fairseq_plugin import MMCriterion
from mmpt.models import MMPTModel, build_model, load_state_dict
from mmpt.utils import load_config
from mmpt.utils.trainlog import read_training_log

pytestmark = pytest.mark.fairseq


def assert_equal_runs(workspace, one, other):
    first, second = workspace.checkpoint(one), workspace.checkpoint(other)
    assert first["model"].keys() == second["model"].keys()
    for name, weight in first["model"].items():
        assert torch.equal(weight, second["model"][name]), name
    moments, other_moments = (each["last_optimizer_state"]["state"] for each in (first, second))
    assert moments.keys() == other_moments.keys()
    for number, state in moments.items():
        assert state["step"] == other_moments[number]["step"]
        assert torch.equal(state["exp_avg"], other_moments[number]["exp_avg"])
        assert torch.equal(state["exp_avg_sq"], other_moments[number]["exp_avg_sq"])


def test_two_epochs_give_checkpoints_validation_and_a_log(workspace, train):
    train("two")

    names = {path.name for path in Path("runs/two").iterdir()}
    assert {"checkpoint1.pt", "checkpoint2.pt", "checkpoint_best.pt", "checkpoint_last.pt"} <= names
    checkpoint = workspace.checkpoint("two")
    assert checkpoint["optimizer_history"][-1]["num_updates"] == 12
    assert all(name.startswith("mmmodel.") for name in checkpoint["model"])
    log = read_training_log("runs/two/metrics.jsonl")
    assert [update for update, _ in log.train] == list(range(1, 13))
    assert [update for update, _ in log.valid] == [6, 12]
    # 8 clips a batch: a blind guess loses ln 8 in each direction; this tiny random BERT is near that.
    assert all(0.5 * 2 * math.log(8) < loss < 2 * 2 * math.log(8) for _, loss in log.train)


def test_the_number_of_loader_workers_does_not_change_the_result(workspace, train):
    train("none", "--disable-validation", "--num-workers", "0")
    train("two", "--disable-validation", "--num-workers", "2")
    assert_equal_runs(workspace, "none", "two")


def test_another_seed_gives_another_result(workspace, train):
    train("one", "--max-update", "1")
    train("other", "--max-update", "1", "--seed", "2")
    one, other = workspace.checkpoint("one")["model"], workspace.checkpoint("other")["model"]
    assert any(not torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("batches", [7, 10, 16], ids=lambda n: f"in batch {n} of 18")
def test_an_interrupted_and_resumed_run_equals_an_uninterrupted_one(workspace, train, monkeypatch, batches):
    # Dropout is on (0.1). Checkpoints are written every 4 updates and after each epoch of 6 updates.
    flags = ("--max-epoch", "3", "--save-interval-updates", "4")
    train("whole", *flags)

    forward, seen = MMCriterion.forward, []

    def interrupted(self, model, sample, reduce=True):
        seen.extend([1] if model.training else [])
        if len(seen) == batches:
            raise KeyboardInterrupt
        return forward(self, model, sample, reduce)

    with monkeypatch.context() as patch:
        patch.setattr(MMCriterion, "forward", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train("cut", *flags)
    train("cut", *flags)

    assert_equal_runs(workspace, "whole", "cut")


def test_a_checkpoint_of_the_original_toolkit_is_restored_with_its_optimizer(workspace, train, golden):
    train("old", "--restore-file", str(golden / "legacy" / "checkpoint_best.pt"))
    # It stood at the end of its first epoch of 6 updates; the second epoch adds 6.
    assert workspace.checkpoint("old")["optimizer_history"][-1]["num_updates"] == 12
    assert not Path("runs/old/checkpoint1.pt").exists()
    assert Path("runs/old/checkpoint2.pt").exists()


def test_training_starts_from_a_saved_model(workspace, train):
    config = load_config("task.yaml")
    torch.manual_seed(5)
    MMPTModel(config, build_model(config, pretrained=False)).save_pretrained("saved", video_encoder=False)
    train("tuned", "--restore-file", "saved", "--max-update", "1")
    start, end = load_state_dict("saved"), load_state_dict("runs/tuned/checkpoint_last.pt")
    assert start.keys() == end.keys()
    # The learning rate of the first update of a warm-up is 0.
    assert all(torch.equal(end[name], tensor) for name, tensor in start.items())
