"""The one place that knows fairseq: task ``mmtask``, model ``mmmodel`` / ``mmarch``, criterion ``mmloss``.

``fairseq-train TASK.yaml --user-dir mmpt --task mmtask --arch mmarch --criterion mmloss`` finds
everything by importing this package. A program that calls fairseq itself imports it first.
"""

import argparse

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

from mmpt.fairseq_plugin.criterion import MMCriterion
from mmpt.fairseq_plugin.dataset import FairseqMMDataset
from mmpt.fairseq_plugin.model import FairseqMMModel
from mmpt.fairseq_plugin.task import FairseqMMTask

__all__ = ["FairseqMMDataset", "FairseqMMModel", "FairseqMMTask", "MMCriterion"]

# Checkpoints of older runs hold their command line as a Namespace, which is plain data. With it
# allowed, torch.load keeps its safe mode (weights_only) when a run resumes.
torch.serialization.add_safe_globals([argparse.Namespace])
