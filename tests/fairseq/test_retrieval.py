"""fairseq trains with batches of neighbours: the same ones after any interruption."""

import logging
import os
from pathlib import Path

import pytest
import torch
from new_training import train_here
from waiting import wait_until

from mmpt.fairseq_plugin import MMCriterion

pytestmark = pytest.mark.fairseq


@pytest.fixture(autouse=True)
def neighbours(workspace):
    """12 training videos in batches of 2, drawn from 4 neighbours: 6 updates an epoch."""
    for key, value in {
        "task": "VideoRetriTask",
        "retri_epoch": 2,
        "num_cands": 4,
        "retri_index": "exact",
        "dataset.meta_processor": "ShardedHow2VideoRetriMetaProcessor",
        "dataset.video_processor": "ShardedVideoRetriVideoProcessor",
        "dataset.text_processor": "ShardedVideoRetriTextProcessor",
        "dataset.aligner": "VideoRetriOverlappedAligner",
        "dataset.subsampling": 1,
        "dataset.num_video_per_batch": 2,
        "dataset.clip_per_video": 3,
        "fairseq.dataset.batch_size": 1,
    }.items():
        workspace.change(key, value)


@pytest.fixture
def seen(monkeypatch):
    """The videos of every training batch, in order; videos of one batch sorted."""
    forward, seen = MMCriterion.forward, []

    def recorded(self, model, sample, reduce=True):
        if model.training:
            seen.append(sorted(set(sample["video_id"])))
        return forward(self, model, sample, reduce)

    monkeypatch.setattr(MMCriterion, "forward", recorded)
    return seen


def assert_equal_weights(workspace, one, other):
    first, second = workspace.checkpoint(one)["model"], workspace.checkpoint(other)["model"]
    assert all(torch.equal(weight, second[name]) for name, weight in first.items())


def consecutive():
    return [[f"v{2 * batch:05d}", f"v{2 * batch + 1:05d}"] for batch in range(6)]


def test_batches_are_consecutive_before_the_first_epoch_of_retrieval_and_neighbours_from_then_on(
    train, seen, caplog
):
    with caplog.at_level(logging.INFO):
        train("run", "--max-epoch", "3")
    first, second, third = sorted(seen[:6]), sorted(seen[6:12]), sorted(seen[12:])
    assert first == consecutive()
    assert len(second) == len(third) == 6
    assert first != second != third
    told = [message for message in caplog.messages if "embedded" in message]
    # Epoch 4, which fairseq asks for and does not train, costs nothing.
    assert [message.split(":")[0] for message in told] == ["epoch 2", "epoch 3"]
    assert "embedded 12 videos" in told[0]
    assert "drew 6 batches of 2 videos, each out of 4 neighbours" in told[0]
    assert "index exact" in told[0]


def test_loader_workers_see_the_new_batches_in_the_same_epoch(workspace, train, seen):
    train("none", "--num-workers", "0")
    alone = seen.copy()
    seen.clear()
    train("two", "--num-workers", "2")
    assert seen == alone
    assert sorted(seen[6:]) != consecutive()
    assert_equal_weights(workspace, "none", "two")


# Checkpoints are written every 4 updates and after each epoch of 6: 4, 6, 8, 12, 16, 18.
@pytest.mark.parametrize(
    ("batch", "workers"),
    [
        pytest.param(7, 0, id="between epochs 1 and 2"),
        # Workers start when fairseq restores the iterator.
        pytest.param(10, 1, id="in epoch 2, after a checkpoint in it"),
        pytest.param(15, 0, id="in epoch 3, after no checkpoint in it"),
        pytest.param(18, 0, id="in epoch 3, after a checkpoint in it"),
    ],
)
def test_a_resumed_run_trains_on_the_very_same_batches(workspace, train, seen, monkeypatch, batch, workers):
    flags = ("--max-epoch", "3", "--save-interval-updates", "4")
    train("whole", *flags)
    whole = seen.copy()
    seen.clear()
    forward = MMCriterion.forward

    def interrupted(self, model, sample, reduce=True):
        result = forward(self, model, sample, reduce)
        if len(seen) == batch:
            raise KeyboardInterrupt
        return result

    with monkeypatch.context() as patch:
        patch.setattr(MMCriterion, "forward", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train("cut", *flags)
    seen.clear()
    train("cut", *flags, "--num-workers", str(workers))
    assert seen == whole[-len(seen) :]
    assert_equal_weights(workspace, "whole", "cut")


def test_a_run_killed_between_epochs_makes_the_same_batches_again(workspace, train, seen, start):
    train("whole", "--max-epoch", "3")
    whole = seen.copy()
    seen.clear()
    process = start(train_here, os.devnull, *workspace.arguments("cut", "--max-epoch", "3"))
    # The vectors of epoch 3 take the place of those of epoch 2 after its checkpoint is written.
    wait_until(lambda: Path("runs/cut/checkpoint2.pt").exists() or not process.is_alive())
    process.kill()
    process.join()
    assert Path("runs/cut/checkpoint2.pt").exists()  # else it failed by itself
    train("cut", "--max-epoch", "3")
    # checkpoint_last.pt is copied from checkpoint2.pt: the signal comes before that, soon after, or too late.
    assert len(seen) in (0, 6, 12)
    assert seen == whole[len(whole) - len(seen) :]
    assert_equal_weights(workspace, "whole", "cut")


def test_vectors_that_an_interrupted_run_wrote_are_used_again(train, seen, monkeypatch):
    from mmpt.tasks import RetriTask

    def stop(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(RetriTask, "_draw", stop)
        with pytest.raises(KeyboardInterrupt):
            train("cut")
    vectors = RetriTask._vectors
    with monkeypatch.context() as patch:
        patch.setattr(RetriTask, "_vectors", stop)
        train("cut")
    again = seen[6:]
    seen.clear()
    train("whole")
    assert seen[6:] == again
    assert RetriTask._vectors is vectors


def test_the_vectors_of_one_epoch_stay_and_those_before_are_deleted(train):
    train("run", "--max-epoch", "3")
    assert [path.suffixes[-2:] for path in Path("runs/run/retrieval").iterdir()] == [[".0-12", ".npy"]]


def test_two_processes_draw_the_batches_that_one_draws(workspace, train, train_as_two):
    # Each process embeds 6 of the 12 videos.
    workspace.change("retri_epoch", 1)
    train("one", "--max-epoch", "1")
    train_as_two("two", "--max-epoch", "1")
    one, two = (workspace.checkpoint(run)["task_state"] for run in ("one", "two"))
    assert one["batches"].shape == (6, 2)
    assert one["batches"].equal(two["batches"])
    assert one["key"] == two["key"]
    parts = sorted(path.name.split(".", 1)[1] for path in Path("runs/two/retrieval").iterdir())
    assert parts == ["0-6.npy", "6-12.npy"]
