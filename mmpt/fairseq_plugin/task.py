"""FairseqMMTask: from the task file on the command line to data sets, model and loss."""

from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import torch
from fairseq.criterions import FairseqCriterion
from fairseq.dataclass import FairseqDataclass
from fairseq.tasks import FairseqTask, register_task
from omegaconf import II, MISSING
from torch import nn

from mmpt.config import TaskConfig
from mmpt.config.task import load_task
from mmpt.errors import CheckpointError
from mmpt.fairseq_plugin.criterion import mean_loss
from mmpt.fairseq_plugin.dataset import FairseqMMDataset
from mmpt.fairseq_plugin.log import RunLog
from mmpt.store.modelfolder import weight_file
from mmpt.store.weightfile import check_resumable
from mmpt.tasks.task import Task

__all__ = ["FairseqMMTask", "MMTaskConfig"]

_RESUME = "checkpoint_last.pt"  # fairseq's default: go on from here if it exists


@dataclass
class MMTaskConfig(FairseqDataclass):
    """What the task reads of the command line; a name without help text is an option of fairseq's own."""

    # Not called ``data``: fairseq would list that as a folder.
    taskconfig: str = field(default=MISSING, metadata={"help": "task file (.yaml)"})
    seed: int = II("common.seed")
    restore_file: str = II("checkpoint.restore_file")
    reset_optimizer: bool = II("checkpoint.reset_optimizer")
    save_dir: str = II("checkpoint.save_dir")
    log_interval: int = II("common.log_interval")
    max_epoch: int = II("optimization.max_epoch")
    max_update: int = II("optimization.max_update")


@register_task("mmtask", dataclass=MMTaskConfig)
class FairseqMMTask(FairseqTask):
    """Gives fairseq the data sets, the model and the loss of a task file.

    Args:
        cfg: The command line's part for the task.
        config: The task file.
    """

    def __init__(self, cfg: MMTaskConfig, config: TaskConfig) -> None:
        super().__init__(cfg)
        self.mmtask = Task.config_task(config)
        self._log = RunLog(cfg.save_dir, cfg.log_interval, cfg.max_update)

    @classmethod
    def add_args(cls, parser: ArgumentParser) -> None:
        """Take the task file as the command's positional argument."""
        parser.add_argument("taskconfig", help="task file (.yaml)")

    @classmethod
    def setup_task(cls, cfg: MMTaskConfig, from_checkpoint: bool = False) -> Self:
        """Read the task file; a shipped one that is not expanded yet is expanded in memory.

        Args:
            cfg: The command line's part for the task.
            from_checkpoint: True if fairseq loads a finished model; nothing is restored then.

        Raises:
            ConfigError: If the file has a problem or is a project.
            CheckpointError: If ``--restore-file`` names a file that does not exist, or the file to go on
                from cannot be used.
        """
        config = load_task(cfg.taskconfig)
        start = weight_file(cfg.restore_file)
        # fairseq itself would start from scratch without a word.
        if not from_checkpoint and cfg.restore_file != _RESUME and not start.is_file():
            raise CheckpointError(
                f"fairseq.checkpoint.restore_file (--restore-file) is {cfg.restore_file}, which does not "
                "exist. Train the task that writes it first, or leave it out to start from BERT's weights."
            )
        resumed = Path(cfg.save_dir) / _RESUME if cfg.restore_file == _RESUME else Path(cfg.restore_file)
        task = cls(cfg, config)
        if not from_checkpoint:
            task._log.start(cfg.taskconfig)
        # fairseq's trainer writes what a task keeps, and does not read it.
        if not from_checkpoint and resumed.is_file():
            task.load_state_dict(check_resumable(resumed))
        return task

    def state_dict(self) -> dict[str, Any]:
        """Return what the task keeps in a checkpoint."""
        return self.mmtask.epoch_state()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take what a task kept in a checkpoint."""
        self.mmtask.load_epoch_state(state_dict)

    def load_dataset(self, split: str, **kwargs: Any) -> None:
        """Load a split; ``train`` is shuffled. fairseq's further arguments play no part here."""
        self.datasets[split] = FairseqMMDataset(
            self.mmtask.build_dataset(split, seed=self.cfg.seed), shuffle=split == "train"
        )

    def get_batch_iterator(
        self, dataset: FairseqMMDataset, *args: Any, epoch: int = 1, num_workers: int = 0, **options: Any
    ) -> Any:
        """Make the batches of an epoch, after the task has got ready for it.

        This is the one place that is early and late enough: the weights are those of the last update or
        of the checkpoint, and neither are batches made nor have loader workers started. Both is too late
        in fairseq's ``begin_epoch``. One epoch more than is trained is asked for.
        """
        if dataset is self.datasets.get("train"):
            if 0 < self.cfg.max_epoch < epoch:
                self._log.end()
            else:
                folder = Path(self.cfg.save_dir) / "retrieval"
                self.mmtask.prepare_epoch(epoch, dataset.mmdataset, folder, num_workers)
                self._log.begin_epoch(epoch)
        return super().get_batch_iterator(dataset, *args, epoch=epoch, num_workers=num_workers, **options)

    def train_step(
        self,
        sample: Mapping[str, Any],
        model: nn.Module,
        criterion: FairseqCriterion,
        optimizer: Any,
        update_num: int,
        ignore_grad: bool = False,
    ) -> tuple[torch.Tensor, int, dict[str, Any]]:
        """Run one batch as fairseq does, and remember which update it belongs to.

        Where this worker has no batch left and others have, fairseq gives one that does not count, so
        that the workers stay in step; a loss that looks at other workers' pairs has to know.
        """
        self._log.begin_update(update_num + 1)
        if ignore_grad:
            sample = {**sample, "ignored": True}
        return super().train_step(sample, model, criterion, optimizer, update_num, ignore_grad)

    def reduce_metrics(
        self, logging_outputs: Sequence[Mapping[str, Any]], criterion: FairseqCriterion
    ) -> None:
        """Log the metrics of an update, which all workers have sent, and write the loss down."""
        super().reduce_metrics(logging_outputs, criterion)
        if criterion.training:
            samples = sum(each["nsentences"] for each in logging_outputs)
            self._log.end_update(mean_loss(logging_outputs), samples)

    def begin_valid_epoch(self, epoch: int, model: nn.Module) -> None:
        """Note that what follows is no training."""
        self._log.begin_validation()

    def post_validate(self, model: nn.Module, stats: Mapping[str, Any], agg: Any) -> None:
        """Write the validation loss, and what else the loss tells, down."""
        self._log.valid(stats)
