"""What a training writes down of itself: metrics and configuration, by the first of its processes."""

import resource
from collections.abc import Mapping
from numbers import Real
from pathlib import Path
from typing import Any, SupportsFloat

import torch
from fairseq.distributed.utils import get_global_rank, get_global_world_size
from fairseq.logging import metrics

from mmpt.config.includes import merge_layers
from mmpt.config.project import task_layers
from mmpt.config.yamlfile import dump_yaml
from mmpt.utils.files import atomic_write
from mmpt.utils.hardware import hardware
from mmpt.utils.trainlog import METRICS_FILE, TrainingLog

__all__ = ["RunLog"]

_METERS = {"lr": "lr", "gnorm": "gradient_norm", "loss_scale": "loss_scale"}
"""Name of fairseq's meter -> name in the log."""
_OF_FAIRSEQ = frozenset({"num_updates", "wps", "wpb", "bsz"})
"""What a validation also tells; tokens are no unit here."""


class RunLog:
    """Writes ``<save_dir>/metrics.jsonl``, see :mod:`mmpt.utils.trainlog`; in other processes nothing.

    Args:
        save_dir: Folder of the run.
        interval: Updates whose means make one line.
        max_update: The last update of training; 0 if there is none.
    """

    def __init__(self, save_dir: str, interval: int, max_update: int) -> None:
        self._log = TrainingLog(Path(save_dir) / METRICS_FILE, interval)
        self._writes = get_global_rank() == 0
        self._max_update = max_update
        self._update = 0

    def start(self, task: str) -> None:
        """Note that training begins or goes on; keep the configuration ``task``, if the launcher has not."""
        if not self._writes:
            return
        self._log.start(hardware() | {"processes": get_global_world_size()})
        config = self._log.path.with_name("config.yaml")
        if not config.exists():
            with atomic_write(config, "w") as stream:
                stream.write(dump_yaml(merge_layers(task_layers(task))))

    def begin_epoch(self, epoch: int) -> None:
        """Note which epoch, from 1, the next updates belong to."""
        self._log.epoch = epoch

    def begin_update(self, update: int) -> None:
        """Note that the model sees a batch of an update, counted from 1."""
        self._update = update
        self._log.run_clock()

    def end_update(self, loss: SupportsFloat, samples: SupportsFloat) -> None:
        """Note the loss of an update, and of how many samples it is."""
        last = self._update == self._max_update
        if self._writes:
            self._log.train(self._update, loss, samples, _meters, last)
        if last:
            self.end()

    def begin_validation(self) -> None:
        """Note that what follows is no training."""
        self._log.stop_clock()

    def valid(self, stats: Mapping[str, Any]) -> None:
        """Note the means over a validation split, as fairseq gives them."""
        if self._writes:
            self._log.valid(stats["num_updates"], _numbers(stats))

    def end(self) -> None:
        """Note that training has come to its end."""
        if self._writes:
            self._log.end()


def _numbers(stats: Mapping[str, Any]) -> dict[str, float]:
    """Return the values of a validation that are numbers, without what fairseq adds for itself."""
    return {
        name: float(value)
        for name, value in stats.items()
        if name not in _OF_FAIRSEQ and not name.startswith("best_")
        if isinstance(value, Real) or (isinstance(value, torch.Tensor) and value.numel() == 1)
    }


def _meters() -> dict[str, float]:
    """Return what fairseq has measured since the last line, and the most memory that was taken."""
    measured = metrics.get_smoothed_values("train_inner")
    found = {name: measured[meter] for meter, name in _METERS.items() if meter in measured}
    # None: no batch since the last line had the term.
    found |= {name: value for name, value in measured.items() if name.endswith("_loss") and value is not None}
    found["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if torch.cuda.is_available():
        # What the allocator has taken; its peaks are reset by fairseq with every update.
        found["gpu_memory"] = torch.cuda.memory_reserved()
    return {name: float(value) for name, value in found.items()}
