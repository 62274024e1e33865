"""Train the demo's video encoder, a narrow S3D, to name what happens in one-second clips.

    python -m mmpt.demo.train_encoder --clips 240000

Comes in: nothing but seeds; clips of training combinations are rendered on the fly. Goes out:
``pretrained_models/s3d_demo.safetensors`` and a JSONL log with accuracies on training and on
held-out combinations. An interrupted run goes on from its last checkpoint.
"""

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors.torch import save
from torch import nn
from torch.utils.data import DataLoader

from mmpt.demo.attributes import AttributeModel
from mmpt.demo.clips import HEADS, IGNORED, ClipBatch, ClipBatches
from mmpt.demo.scene import Split
from mmpt.errors import CheckpointError
from mmpt.store.weightfile import read_weights
from mmpt.utils.command import run_command
from mmpt.utils.files import atomic_write
from mmpt.utils.progress import progress

__all__ = ["Plan", "train"]

_CHECKED: tuple[Split, ...] = ("val", "test")


@dataclass(frozen=True)
class Plan:
    """Everything that decides the result."""

    clips: int = 240_000
    batch_size: int = 32
    size: int = 64
    width: float = 0.25
    lr: float = 2e-3
    """Peak rate of the layers from mixed_4b on."""
    early_lr: float = 5e-3
    """Peak rate of the layers before: higher rates there teach shapes faster, and hurt later layers."""
    start_from: str = ""
    """Checkpoint of an earlier run whose model to go on with; none: random weights."""
    weight_decay: float = 0.02
    alone_until: float = 0.0
    """Share of the clips over which distractors appear."""
    seed: int = 7_000_000
    """Far from the seeds of written worlds."""
    eval_clips: int = 512
    eval_every: int = 500
    """Steps between evaluations and checkpoints."""

    @property
    def steps(self) -> int:
        """Number of optimiser steps."""
        return max(1, self.clips // self.batch_size)


@torch.no_grad()
def _accuracies(model: AttributeModel, plan: Plan, split: Split) -> dict[str, float]:
    """Return the share of right answers per attribute, in percent; absent attributes do not count."""
    model.eval()
    size = min(64, plan.eval_clips)
    batches = ClipBatches(plan.seed + 1, split, plan.eval_clips // size, size, plan.size)
    right, asked = torch.zeros(len(HEADS)), torch.zeros(len(HEADS))
    for batch in batches:
        logits = model(batch.frames)
        for k, name in enumerate(HEADS):
            right[k] += (logits[name].argmax(1) == batch.labels[:, k]).sum()
            asked[k] += (batch.labels[:, k] != IGNORED).sum()
    model.train()
    return {name: round(100 * float(right[k] / asked[k]), 1) for k, name in enumerate(HEADS)}


class _Stateful(Protocol):
    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state_dict: dict[str, Any]) -> Any: ...


class _Run:
    """One training run: model, optimiser and schedule, and the files that it leaves."""

    def __init__(self, plan: Plan, output: Path, work: Path) -> None:
        torch.manual_seed(plan.seed)
        self.plan, self.output, self.checkpoint = plan, output, work / "checkpoint.pt"
        self.log = output.with_suffix(".jsonl")
        self.model = AttributeModel(plan.width)
        if plan.start_from:
            self.model.load_state_dict(read_weights(plan.start_from))
        early, late = self.model.parameter_groups()
        self.optimizer = torch.optim.AdamW(
            [{"params": early}, {"params": late}], lr=plan.lr, weight_decay=plan.weight_decay
        )
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, [plan.early_lr, plan.lr], plan.steps, pct_start=0.1
        )
        self.parts: dict[str, _Stateful] = {
            "model": self.model,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
        }
        self.done = self._resume()

    def _resume(self) -> int:
        """Restore the last checkpoint; return the number of steps done."""
        if not self.checkpoint.is_file():
            self.log.unlink(missing_ok=True)
            return 0
        state = torch.load(self.checkpoint, weights_only=True)
        if state["plan"] != asdict(self.plan):
            raise CheckpointError(
                f"The checkpoint {self.checkpoint} was made with another plan ({state['plan']}); "
                "repeat that command, or remove the file to start again."
            )
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
        return int(state["step"])

    def step(self, batch: ClipBatch) -> float:
        """Learn from one batch; return its loss."""
        loss = self.model.loss(batch)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
        self.optimizer.step()
        self.schedule.step()
        return loss.item()

    def save(self, row: dict[str, Any]) -> None:
        """Write log line, checkpoint and weights."""
        self.output.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log, "a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")
        state = {name: part.state_dict() for name, part in self.parts.items()}
        with atomic_write(self.checkpoint) as binary:
            torch.save({**state, "step": row["step"], "plan": asdict(self.plan)}, binary)
        # Half precision is half the size; features change by less than a hundredth.
        weights = self.model.inference_state()
        small = {n: (v.half() if v.is_floating_point() else v).contiguous() for n, v in weights.items()}
        with atomic_write(self.output) as binary:
            binary.write(save(small))


def train(plan: Plan, output: Path, work: Path) -> dict[str, dict[str, float]]:
    """Train and write the weights to ``output``; return the last accuracies per split.

    Args:
        plan: What to do.
        output: ``.safetensors`` file of the weights; the log stands beside it as ``.jsonl``.
        work: Folder of the checkpoint that an interrupted run goes on from.

    Raises:
        CheckpointError: If ``work`` holds the checkpoint of another plan.
    """
    run = _Run(plan, output, work)
    data = ClipBatches(
        plan.seed,
        "train",
        plan.steps,
        plan.batch_size,
        plan.size,
        first=run.done,
        alone_until=plan.alone_until,
    )
    loader = DataLoader(data, batch_size=None, num_workers=1, prefetch_factor=8)
    report: dict[str, dict[str, float]] = {}
    began, losses = time.monotonic(), []
    for step, batch in enumerate(progress(loader, "train S3D", len(data)), start=run.done + 1):
        losses.append(run.step(batch))
        if step % plan.eval_every and step != plan.steps:
            continue
        report = {split: _accuracies(run.model, plan, split) for split in _CHECKED}
        speed = (step - run.done) * plan.batch_size / (time.monotonic() - began)
        row = {"step": step, "clips": step * plan.batch_size, "clips_per_second": round(speed, 1)}
        run.save({**row, "loss": round(sum(losses) / len(losses), 4), "accuracy": report})
        losses = []
    return report


def main() -> int:
    """Parse the command line, train, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=Plan.clips)
    parser.add_argument("--batch-size", type=int, default=Plan.batch_size)
    parser.add_argument("--lr", type=float, default=Plan.lr)
    parser.add_argument("--early-lr", type=float, default=Plan.early_lr)
    parser.add_argument("--alone-until", type=float, default=Plan.alone_until)
    parser.add_argument("--start-from", default=Plan.start_from)
    parser.add_argument("--seed", type=int, default=Plan.seed)
    parser.add_argument("--eval-every", type=int, default=Plan.eval_every)
    parser.add_argument("--output", type=Path, default=Path("pretrained_models/s3d_demo.safetensors"))
    parser.add_argument("--work", type=Path, default=Path("runs/s3d_demo"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    values = {name: value for name, value in vars(args).items() if name not in ("output", "work")}
    train(Plan(**values), args.output, args.work)
    return 0


if __name__ == "__main__":
    run_command(main)
