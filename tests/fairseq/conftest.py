"""A folder with the legacy data in which fairseq trains, within this process or as two."""

import shutil
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from fairseq import checkpoint_utils
from fairseq_cli.train import cli_main
from new_training import train_here

import mmpt.fairseq_plugin  # fairseq imports --user-dir only if nobody has done so
from mmpt.config.derive import derive
from mmpt.config.yamlfile import read_yaml
from mmpt.utils.files import write_json
from mmpt_cli.job import training_arguments

PACKAGE = Path(mmpt.__file__).parent


class Workspace:
    """The working folder of a test: ``data``, ``bert`` and ``task.yaml``; runs go below ``runs``."""

    def __init__(self) -> None:
        self.task = read_yaml("task.yaml")

    def change(self, key: str, value: Any) -> None:
        """Set a dotted key of the task file."""
        *path, name = key.split(".")
        place = self.task
        for each in path:
            place = place.setdefault(each, {})
        place[name] = value
        Path("task.yaml").write_text(yaml.safe_dump(self.task, sort_keys=False))

    def arguments(self, run: str, *more: str) -> list[str]:
        """Return the arguments of ``fairseq-train`` for a run, as the launcher makes them."""
        self.change("fairseq.checkpoint.save_dir", f"runs/{run}")
        return [*training_arguments("task.yaml", derive(self.task), str(PACKAGE), cpu=True), *more]

    def without_dropout(self) -> None:
        """Make training repeatable whatever the order in which rows are computed."""
        off = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
        write_json("bert/config.json", read_yaml("bert/config.json") | off)

    def take_plain_steps(self) -> None:
        """Let updates follow the gradient: Adam's would make much of rounding errors where it is zero."""
        steps = {"lr": [0.1], "clip_norm": 2.0, "optimizer": "nag", "momentum": 0.5, "max_epoch": 2}
        self.change("fairseq.optimization", steps)

    def distance(self, one: str, other: str) -> float:
        """Return the largest difference between two weights at the end of two runs."""
        first, second = (self.checkpoint(run)["model"] for run in (one, other))
        return max((first[name] - second[name]).abs().max().item() for name in first)

    def checkpoint(self, run: str, name: str = "checkpoint_last.pt") -> dict[str, Any]:
        """Read a checkpoint in safe mode, with no class allowed."""
        allowed = torch.serialization.get_safe_globals()
        torch.serialization.clear_safe_globals()
        try:
            return torch.load(f"runs/{run}/{name}", weights_only=True)
        finally:
            torch.serialization.add_safe_globals(allowed)


@pytest.fixture
def workspace(tmp_path, golden, monkeypatch) -> Workspace:
    shutil.copytree(golden / "legacy" / "data", tmp_path / "data")
    shutil.copytree(golden / "bert", tmp_path / "bert")
    shutil.copy(golden / "legacy" / "task.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    workspace = Workspace()
    # A batch of 8 clips is 2 videos of 4 clips: the 12 training videos are 6 updates an epoch.
    workspace.change("fairseq.dataset.batch_size", 8)
    workspace.change("fairseq.common.log_interval", 1)
    return workspace


@pytest.fixture
def train(workspace, monkeypatch) -> Callable[..., None]:
    """Train in this process: ``train(run, *more_flags)``."""

    def run(name: str, *more: str) -> None:
        # What a new process would not know.
        vars(checkpoint_utils.save_checkpoint).pop("best", None)
        monkeypatch.setattr(sys, "argv", ["fairseq-train", *workspace.arguments(name, *more)])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # fairseq uses old interfaces of hydra and torch
            cli_main()

    return run


@pytest.fixture
def train_as_two(workspace, start) -> Callable[..., None]:
    """Train in two new processes that gloo connects: ``train_as_two(run, *more_flags)``."""

    def run(name: str, *more: str) -> None:
        meeting = Path(f"{name}.meeting").resolve()  # unlike a port, nobody else gets it
        distributed = f"""
            --distributed-world-size 2 --distributed-no-spawn --distributed-init-method file://{meeting}
            --distributed-backend gloo --ddp-backend legacy_ddp""".split()
        arguments = [*workspace.arguments(name, *more), *distributed, "--distributed-rank"]
        outputs = [f"{name}.{rank}.txt" for rank in (0, 1)]
        processes = [start(train_here, output, *arguments, str(rank)) for rank, output in enumerate(outputs)]
        for process in processes:
            process.join(1200)
        codes = [process.exitcode for process in processes]
        assert codes == [0, 0], "".join(Path(output).read_text()[-2000:] for output in outputs)

    return run
