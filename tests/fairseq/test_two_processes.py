"""Two processes with gloo train like one process with the same global batch."""

import pytest
import torch

from mmpt.utils.trainlog import read_training_log

pytestmark = pytest.mark.fairseq


def test_two_processes_equal_one_with_the_same_global_batch(workspace, train, train_as_two):
    # The negatives of a pair are the other pairs of its own micro-batch. One process that collects
    # two micro-batches (--update-freq 2) therefore takes the same steps as two processes with one each.
    workspace.without_dropout()
    train("one", "--update-freq", "2")
    train("half", "--max-update", "6")  # the same number of steps with half the batch
    train_as_two("two")

    one, two, half = (workspace.checkpoint(run) for run in ("one", "two", "half"))
    assert [each["optimizer_history"][-1]["num_updates"] for each in (one, two, half)] == [6, 6, 6]
    assert workspace.distance("one", "two") < 5e-5  # float32 sums in another order
    assert workspace.distance("one", "half") > 1e-3
    assert torch.isclose(
        torch.tensor(one["extra_state"]["val_loss"]), torch.tensor(two["extra_state"]["val_loss"]), atol=1e-3
    )


@pytest.mark.parametrize(
    ("clips", "updates"),
    [
        pytest.param(20, 2, id="5 and 5 videos, then 2 and none"),
        pytest.param(32, 1, id="8 and 4 videos"),
    ],
)
def test_gathered_negatives_make_two_processes_one_with_a_batch_twice_as_large(
    workspace, train, train_as_two, clips, updates
):
    workspace.without_dropout()
    workspace.take_plain_steps()
    workspace.change("loss.temperature", 1.0)
    flags = ["--max-epoch", "1", "--curriculum", "1"]  # batches in the order in which they are cut
    workspace.change("fairseq.dataset.batch_size", 2 * clips)
    train("one", *flags)
    workspace.change("fairseq.dataset.batch_size", clips)
    train("apart", *flags, "--update-freq", "2")
    workspace.change("loss.gather", True)
    workspace.change("loss.grad_cache_chunk", 3)  # and in chunks on top
    train_as_two("two", *flags)

    assert workspace.checkpoint("two")["optimizer_history"][-1]["num_updates"] == updates
    assert workspace.distance("one", "two") < 5e-5
    assert workspace.distance("one", "apart") > 5e-4
    scale, both = (workspace.checkpoint(run)["criterion"]["loss.logit_scale"] for run in ("one", "two"))
    torch.testing.assert_close(both, scale, atol=1e-5, rtol=0)
    losses, of_both = (read_training_log(f"runs/{run}/metrics.jsonl").train for run in ("one", "two"))
    assert [update for update, _ in of_both] == list(range(1, updates + 1))
    assert [loss for _, loss in of_both] == pytest.approx([loss for _, loss in losses], abs=1e-3)
