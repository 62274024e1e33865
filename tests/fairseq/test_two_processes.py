"""Two processes with gloo train like one process with the same global batch."""

import os
import socket
import subprocess
import sys

import pytest
import torch

from mmpt.config.yamlfile import read_yaml
from mmpt.utils.files import write_json

pytestmark = pytest.mark.fairseq


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def start(arguments, rank, port):
    distributed = f"""
        --distributed-world-size 2 --distributed-rank {rank} --distributed-no-spawn
        --distributed-init-method tcp://127.0.0.1:{port}
        --distributed-backend gloo --ddp-backend legacy_ddp""".split()
    program = [sys.executable, "-m", "fairseq_cli.train"]
    return subprocess.Popen(
        [*program, *arguments, *distributed],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_two_processes_equal_one_with_the_same_global_batch(workspace, train):
    # The negatives of a pair are the other pairs of its own micro-batch. One process that collects
    # two micro-batches (--update-freq 2) therefore takes the same steps as two processes with one each.
    write_json("bert/config.json", read_yaml("bert/config.json") | {
        "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
    })  # fmt: skip
    train("one", "--update-freq", "2")
    train("half", "--max-update", "6")  # the same number of steps with half the batch

    port = free_port()
    processes = [start(workspace.arguments("two"), rank, port) for rank in (0, 1)]
    outputs = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs[0][-2000:] + outputs[1][-2000:]

    one, two, half = (workspace.checkpoint(run) for run in ("one", "two", "half"))
    assert [each["optimizer_history"][-1]["num_updates"] for each in (one, two, half)] == [6, 6, 6]

    def distance(a, b):
        return max((a["model"][name] - b["model"][name]).abs().max().item() for name in a["model"])

    assert distance(one, two) < 5e-5  # float32 sums in another order
    assert distance(one, half) > 1e-3
    assert torch.isclose(
        torch.tensor(one["extra_state"]["val_loss"]), torch.tensor(two["extra_state"]["val_loss"]), atol=1e-3
    )
