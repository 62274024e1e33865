"""FairseqMMTask: from the task file on the command line to data sets, model and loss."""

from argparse import ArgumentParser
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from fairseq.dataclass import FairseqDataclass
from fairseq.tasks import FairseqTask, register_task
from omegaconf import II, MISSING

from mmpt.config import TaskConfig
from mmpt.config.task import load_task
from mmpt.errors import CheckpointError
from mmpt.fairseq_plugin.dataset import FairseqMMDataset
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
            CheckpointError: If ``--restore-file`` names a file that does not exist.
        """
        config = load_task(cfg.taskconfig)
        # fairseq itself would start from scratch without a word.
        if not from_checkpoint and cfg.restore_file != _RESUME and not Path(cfg.restore_file).is_file():
            raise CheckpointError(
                f"fairseq.checkpoint.restore_file (--restore-file) is {cfg.restore_file}, which does not "
                "exist. Train the task that writes it first, or leave it out to start from BERT's weights."
            )
        return cls(cfg, config)

    def load_dataset(self, split: str, **kwargs: Any) -> None:
        """Load a split; ``train`` is shuffled. fairseq's further arguments play no part here."""
        self.datasets[split] = FairseqMMDataset(
            self.mmtask.build_dataset(split, seed=self.cfg.seed), shuffle=split == "train"
        )
