"""One process of a training that runs in several: ``torchrun ... -m mmpt_cli.train TASK.yaml``.

Comes in: a task file, and what ``torchrun`` (or a Slurm job of ours) says in the environment: RANK,
WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT. This process becomes the ``fairseq-train`` of that
rank. fairseq alone would also read these, but takes the GPU from the rank, fails without GPUs, and trains
a machine with one GPU on its own.
"""

import argparse
import os
from collections.abc import Mapping, Sequence

from mmpt.errors import ConfigError
from mmpt.utils.command import run_command
from mmpt_cli.checkout import child_environment
from mmpt_cli.localjob import LocalJob

__all__ = ["distributed_arguments", "main"]

FROM_LAUNCHER = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


def distributed_arguments(environment: Mapping[str, str], cpu: bool) -> list[str]:
    """Return the options of ``fairseq-train`` that make it one of several processes.

    Args:
        environment: Variables of this process.
        cpu: Connect processes without GPUs (gloo).

    Raises:
        ConfigError: If nothing has set the variables.
    """
    missing = [name for name in FROM_LAUNCHER if name not in environment]
    if missing:
        raise ConfigError(
            f"The variable {missing[0]} is not set: torchrun starts this command once per GPU, as in "
            "torchrun --nproc-per-node 8 -m mmpt_cli.train TASK.yaml. To train in one go on this machine, "
            "run: mmpt launch TASK.yaml"
        )
    rank, world_size, local_rank, *_ = (environment[name] for name in FROM_LAUNCHER)
    options = ["--distributed-world-size", world_size, "--distributed-rank", rank, "--device-id", local_rank]
    options += ["--distributed-init-method", "env://", "--distributed-no-spawn"]
    if cpu:
        options += ["--distributed-backend", "gloo", "--ddp-backend", "legacy_ddp"]
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Become ``fairseq-train``."""
    parser = argparse.ArgumentParser(
        prog="torchrun ... -m mmpt_cli.train", description=__doc__.split("\n")[0]
    )
    parser.add_argument("task", help="task file; every machine reads the same")
    parser.add_argument("--cpu", action="store_true", help="train without GPUs")
    options = parser.parse_args(arguments)
    job = LocalJob(options.task, "local_cpu" if options.cpu else "local_single")
    if job.predicts:
        raise ConfigError(
            f"{options.task} is an evaluation, which runs in one process: mmpt predict {options.task}"
        )
    command = [*job.argv, *distributed_arguments(os.environ, options.cpu)]
    if os.environ["RANK"] == "0":
        job.save_configuration()
    os.execve(command[0], command, child_environment())


if __name__ == "__main__":
    run_command(main)
