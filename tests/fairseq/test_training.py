"""fairseq trains a task file: epochs, validation, checkpoints, interruption and old checkpoints."""

import json
import math
import struct
from pathlib import Path

import pytest
import torch
from fairseq.logging import progress_bar

from mmpt.config.yamlfile import read_yaml
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


def test_the_log_tells_of_machine_speed_gradients_and_end(workspace, train):
    train("run", "--log-interval", "4")

    rows = [json.loads(line) for line in Path("runs/run/metrics.jsonl").read_text().splitlines()]
    assert [row["split"] for row in rows] == ["start", "train", "valid", "train", "train", "valid", "end"]
    assert rows[0]["hardware"]["processes"] == 1
    assert rows[0]["hardware"]["versions"]["torch"] == torch.__version__
    for row in rows[1:]:
        assert list(row.values()) == [value for value in row.values() if value is not None]
    trained = [row for row in rows if row["split"] == "train"]
    assert [(row["update"], row["epoch"]) for row in trained] == [(4, 1), (8, 2), (12, 2)]
    for row in trained:
        assert row["gradient_norm"] > 0
        assert row["memory"] > 2**20
        # a batch is 2 videos of 4 clips
        assert row["samples_per_second"] == pytest.approx(8 * row["updates_per_second"])
    assert set(rows[2]) == {"split", "update", "epoch", "loss", "seconds"}
    seconds = [row["seconds"] for row in rows[1:]]
    assert seconds == sorted(seconds)


def test_the_last_update_is_logged_and_the_settings_are_kept(workspace, train):
    train("run", "--max-update", "5", "--log-interval", "2")
    record = read_training_log("runs/run/metrics.jsonl")
    assert [update for update, _ in record.train] == [2, 4, 5]
    assert record.sessions[-1].trained
    assert read_yaml("runs/run/config.yaml") == read_yaml("task.yaml")


def test_a_finished_run_that_is_started_again_stays_finished(workspace, train):
    for _ in range(2):
        train("run")
    record = read_training_log("runs/run/metrics.jsonl")
    assert record.finished
    assert [session.trained for session in record.sessions] == [True, False]
    assert len(record.train) == 12


def test_tensorboard_gets_the_losses_of_the_log(workspace, train, monkeypatch):
    monkeypatch.setattr(progress_bar, "_tensorboard_writers", {})
    train("run", "--log-interval", "1", "--tensorboard-logdir", "runs/run/run_0")
    for writer in progress_bar._tensorboard_writers.values():
        writer.close()  # as the end of the process does
    [file] = Path("runs/run/run_0/train_inner").iterdir()
    found = {(step, name): value for step, name, value in scalars(file)}
    for update, loss in read_training_log("runs/run/metrics.jsonl").train:
        assert found[update, "loss"] == pytest.approx(loss, abs=1e-3)


def scalars(file):
    """Yield (step, name, value) of a file of TensorBoard; a record is length, check sum, event, check sum."""
    event_pb2 = pytest.importorskip("tensorboardX.proto.event_pb2")
    content = file.read_bytes()
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        event = event_pb2.Event.FromString(content[12 : 12 + length])
        content = content[16 + length :]
        yield from ((event.step, value.tag, value.simple_value) for value in event.summary.value)


def test_without_tensorboard_training_is_silent_about_it(workspace, train, monkeypatch, caplog):
    monkeypatch.setattr(progress_bar, "SummaryWriter", None)
    monkeypatch.setattr(progress_bar, "_tensorboard_writers", {})
    train("run", "--max-update", "1", "--tensorboard-logdir", "runs/run/run_0")
    assert not [each for each in caplog.messages if "tensorboard" in each and "install" in each]
    assert not Path("runs/run/run_0").exists()


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
