"""torchrun trains a task file on several machines; here both are this one."""

import os
import socket
import subprocess
import sys
from contextlib import suppress

import pytest
import torch

from mmpt.config.yamlfile import read_yaml
from mmpt.errors import ConfigError
from mmpt_cli import train as command
from mmpt_cli.checkout import ROOT
from mmpt_cli.train import distributed_arguments

pytestmark = pytest.mark.fairseq

ENVIRONMENT = {
    "RANK": "9",
    "WORLD_SIZE": "16",
    "LOCAL_RANK": "1",
    "MASTER_ADDR": "node0",
    "MASTER_PORT": "29500",
}


def free_port():
    """Return a port below those that systems give out: nobody gets it before torchrun has it."""
    port = 10_000 + os.getpid() % 20_000
    while True:
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
        port += 1


def test_two_machines_train_like_one_process_with_the_same_global_batch(workspace, train):
    workspace.without_dropout()
    train("one", "--update-freq", "2")
    workspace.change("fairseq.checkpoint.save_dir", "runs/two")
    rendezvous = f"--nnodes 2 --nproc-per-node 1 --master-addr 127.0.0.1 --master-port {free_port()}".split()
    torchrun = [sys.executable, "-m", "torch.distributed.run", *rendezvous]
    machines = [
        subprocess.Popen(
            [*torchrun, "--node-rank", str(rank), "-m", "mmpt_cli.train", "task.yaml", "--cpu"],
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in (0, 1)
    ]
    outputs = [machine.communicate(timeout=1200)[0] for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0], outputs[0][-2000:] + outputs[1][-2000:]
    one, two = (workspace.checkpoint(run) for run in ("one", "two"))
    assert two["optimizer_history"][-1]["num_updates"] == one["optimizer_history"][-1]["num_updates"] == 6
    assert workspace.distance("one", "two") < 5e-5  # float32 sums in another order
    assert read_yaml("runs/two/config.yaml")["fairseq"]["checkpoint"]["save_dir"] == "runs/two"


def test_a_process_takes_rank_size_and_gpu_from_the_launcher():
    assert " ".join(distributed_arguments(ENVIRONMENT, cpu=False)) == (
        "--distributed-world-size 16 --distributed-rank 9 --device-id 1"
        " --distributed-init-method env:// --distributed-no-spawn"
    )
    on_cpu = " ".join(distributed_arguments(ENVIRONMENT, cpu=True))
    assert on_cpu.endswith("--distributed-backend gloo --ddp-backend legacy_ddp")


def test_without_torchrun_the_command_says_how_to_start_it(workspace, monkeypatch):
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError, match=r"RANK is not set: torchrun starts this command once per GPU"):
        command.main(["task.yaml", "--cpu"])


def test_an_evaluation_is_refused(workspace):
    workspace.change("predictor", "RetrievalPredictor")
    workspace.change("metric", "RetrievalMetric")
    workspace.change("fairseq.common_eval", {"path": "a.pt"})
    with pytest.raises(ConfigError, match="is an evaluation, which runs in one process"):
        command.main(["task.yaml", "--cpu"])
    assert not torch.distributed.is_initialized()
