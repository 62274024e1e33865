"""What every job has: a status, and the arguments of ``fairseq-train``."""

import enum
from collections.abc import Mapping
from typing import Any

from mmpt.config.derive import training_options

__all__ = ["NOT_ON_CPU", "NO_EVALUATION", "JobStatus", "option_arguments", "training_arguments"]

FIRST_OF_LIST = "lr"
NO_EVALUATION = "names no predictor, so there is nothing to evaluate."
NOT_ON_CPU = ("fp16", "memory_efficient_fp16")


class JobStatus(enum.Enum):
    """How far a job has come."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


def option_arguments(options: Mapping[str, Any]) -> list[str]:
    """Return options as command-line arguments, in their order.

    True gives a bare flag, false and null give nothing, a list is joined with commas; of ``lr``
    only the first element is used.
    """
    arguments = []
    for name, value in options.items():
        if value is None or value is False:
            continue
        arguments.append(f"--{name.replace('_', '-')}")
        if isinstance(value, list):
            value = value[0] if name == FIRST_OF_LIST else ",".join(map(str, value))
        if value is not True:
            arguments.append(str(value))
    return arguments


def training_arguments(
    task: str,
    values: Mapping[str, Any],
    user_dir: str = "mmpt",
    world_size: int | None = None,
    cpu: bool = False,
) -> list[str]:
    """Return the arguments of ``fairseq-train``.

    Args:
        task: Path of the task file.
        values: The merged and derived task file.
        user_dir: Folder of the package mmpt.
        world_size: Number of training processes, one per GPU; None leaves it to fairseq.
        cpu: Train without a GPU, in full precision.
    """
    arguments = [
        task,
        "--user-dir",
        user_dir,
        "--task",
        "mmtask",
        "--arch",
        "mmarch",
        "--criterion",
        "mmloss",
    ]
    options = training_options(values.get("fairseq"))
    if world_size is not None:
        arguments += ["--distributed-world-size", str(world_size)]
    if cpu:
        options = {"cpu": True} | {name: value for name, value in options.items() if name not in NOT_ON_CPU}
    return arguments + option_arguments(options)
