"""The one place that knows fairseq: task ``mmtask``, model ``mmmodel`` / ``mmarch``, criterion ``mmloss``.

``fairseq-train TASK.yaml --user-dir mmpt --task mmtask --arch mmarch --criterion mmloss`` finds
everything by importing this package. A program that calls fairseq itself imports it first.
"""

import argparse
import logging
import warnings

import torch

from mmpt.errors import MissingDependencyError

try:
    import fairseq  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "fairseq":
        raise
    raise MissingDependencyError(
        "The package 'fairseq' is needed to train and is not installed; run: make setup. By hand: "
        "pip install 'mmpt[fairseq]', then READTHEDOCS=1 pip install --no-deps --no-build-isolation "
        "-r requirements/no-deps.txt."
    ) from error

from mmpt.fairseq_plugin.copies import copy_whole_files
from mmpt.fairseq_plugin.crash import show_errors_as_sentences
from mmpt.fairseq_plugin.criterion import MMCriterion
from mmpt.fairseq_plugin.dataset import FairseqMMDataset
from mmpt.fairseq_plugin.model import FairseqMMModel
from mmpt.fairseq_plugin.optimizer import GroupedAdam
from mmpt.fairseq_plugin.task import FairseqMMTask

__all__ = ["FairseqMMDataset", "FairseqMMModel", "FairseqMMTask", "GroupedAdam", "MMCriterion"]

show_errors_as_sentences()
copy_whole_files()

# Checkpoints of older runs hold their command line as a Namespace, which is plain data. With it
# allowed, torch.load keeps its safe mode (weights_only) when a run resumes.
torch.serialization.add_safe_globals([argparse.Namespace])

# fairseq would print its whole configuration, the model's modules, and how it makes batches in every
# epoch: a hundred lines around the few that tell how training goes. <save_dir>/config.yaml has the first.
logging.getLogger("fairseq_cli.train").addFilter(lambda record: isinstance(record.msg, str))
for name in ("fairseq.tasks.fairseq_task", "fairseq.data.iterators"):
    logging.getLogger(name).setLevel(logging.WARNING)

# TensorBoard is written where it is installed; whoever has not installed it does not want to hear of it
# in every epoch.
logging.getLogger("fairseq.logging.progress_bar").addFilter(
    lambda record: "tensorboard not found" not in record.getMessage()
)

# fairseq is archived: it uses old interfaces of hydra and torch and asks for pinned memory without a
# GPU. All of this is harmless and would be printed in every run.
warnings.filterwarnings("ignore", module=r"hydra\.")
warnings.filterwarnings("ignore", message=r"\s*'config' is validated against ConfigStore schema")
warnings.filterwarnings("ignore", message=r".*torch\.cuda\.amp\.autocast\(args", category=FutureWarning)
warnings.filterwarnings("ignore", message="'pin_memory' argument is set as true")
