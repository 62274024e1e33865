"""Task: what one configuration trains or evaluates. It builds the parts and runs one step.

::

    sample (B, S, ...) --flatten--> batch (B·S, ...) --model--> outputs --loss--> scalar
"""

import inspect
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Self

import torch
from torch import nn

from mmpt.catalog import LOSSES, TASKS
from mmpt.config import TaskConfig
from mmpt.datasets import MMDataset, build_dataset
from mmpt.errors import ConfigError
from mmpt.models.build import build_model
from mmpt.models.checkpoint import LoadReport, load_into
from mmpt.store.featurewidth import with_feature_width
from mmpt.tasks.reshape import flatten_clips

__all__ = ["Task"]

_AUTOCAST_TYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


class Task:
    """Data, model and loss of one configuration.

    Args:
        config: The task file; ``dataset.vfeat_dim`` is taken from the features if it is not given.

    Raises:
        ConfigError: If ``dataset.vfeat_dim`` is not the width of the features.
    """

    def __init__(self, config: TaskConfig) -> None:
        self.config = with_feature_width(config)
        self.model: nn.Module | None = None
        """Set by :meth:`build_model`."""
        self.loss: nn.Module | None = None
        """Set by :meth:`build_loss`."""

    @classmethod
    def config_task(cls, config: TaskConfig) -> Self:
        """Return the task of the class that ``config.task`` names.

        Raises:
            ConfigError: If the class is unknown.
        """
        return TASKS.get(config.task)(config)

    def build_dataset(self, split: str, seed: int = 0) -> MMDataset:
        """Build the data set of ``split`` (``train``, ``valid`` or ``test``).

        Args:
            split: Which list of the ``dataset`` section to read.
            seed: Seed of the run; a sample is a function of (seed, epoch, index).
        """
        return build_dataset(self.config, split, seed=seed)

    def build_model(self, pretrained: bool = True) -> nn.Module:
        """Build the model that ``model.model_cls`` names and keep it as ``self.model``.

        Args:
            pretrained: Load the weights of ``dataset.bert_name``; False if a checkpoint is loaded next.
        """
        self.model = build_model(self.config, pretrained=pretrained)
        return self.model

    def build_loss(self) -> nn.Module:
        """Build the loss that ``loss.loss_cls`` names and keep it as ``self.loss``.

        Raises:
            ConfigError: If the loss is absent or unknown.
        """
        name = self.config.loss.loss_cls
        if name is None:
            raise ConfigError(f"loss.loss_cls is missing. Known: {', '.join(LOSSES.names())}.")
        self.loss = LOSSES.get(name)(self.config.loss)
        return self.loss

    def load_checkpoint(self, path: str | os.PathLike[str]) -> LoadReport:
        """Load weights into ``self.model``, which is built first if there is none yet.

        Raises:
            CheckpointError: If the file is missing, unsafe, damaged, or of another model.
        """
        model = self.model if self.model is not None else self.build_model(pretrained=False)
        return load_into(model, path)

    def prepare_epoch(self, epoch: int, dataset: MMDataset, folder: Path, num_workers: int = 0) -> None:
        """Get ready for a training epoch, before its batches are made; most tasks have nothing to do.

        ``self.model`` has the weights with which the epoch starts, or goes on.

        Args:
            epoch: Number of the epoch, from 1.
            dataset: The training data.
            folder: For files that all processes of the run share.
            num_workers: Processes that load data.
        """

    def epoch_state(self) -> dict[str, Any]:
        """Return what a checkpoint in the middle of an epoch must hold to go on, plain data and tensors."""
        return {}

    def load_epoch_state(self, state: Mapping[str, Any]) -> None:
        """Take what :meth:`epoch_state` returned, perhaps of another task, before the first epoch."""

    def forward(self, model: nn.Module, sample: Mapping[str, Any]) -> Mapping[str, Any]:
        """Run ``model`` on a collated batch and return its outputs, one row per clip."""
        return self._run(model, self.reshape(sample))

    def reshape(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Return a collated batch as the batch of clips that the model reads: :mod:`mmpt.tasks.reshape`."""
        return flatten_clips(sample)

    def __call__(self, model: nn.Module, sample: Mapping[str, Any]) -> tuple[torch.Tensor, Mapping[str, Any]]:
        """Run ``model`` on a collated batch and return (loss, outputs).

        The model that is given is the one that runs, so that wrappers for distributed training count.
        Where the loss is a sum of named terms, the outputs hold them as ``loss_terms``.
        """
        batch = self.reshape(sample)
        with self._autocast(model):
            outputs = self._run(model, batch)
        # Losses sum over many terms: they are computed in full precision, also within a trainer's autocast.
        outputs = {
            name: value.float() if torch.is_tensor(value) and value.is_floating_point() else value
            for name, value in outputs.items()
        }
        loss = self.loss if self.loss is not None else self.build_loss()
        with torch.autocast(_device_of(model), enabled=False):
            value = loss(**_arguments(loss, {**batch, **outputs}, "the model or the aligner"))
        if isinstance(value, Mapping):
            return torch.stack([*value.values()]).sum(), {**outputs, "loss_terms": value}
        return value, outputs

    def _autocast(self, model: nn.Module) -> AbstractContextManager[Any]:
        if self.config.model.autocast is None:
            return nullcontext()
        return torch.autocast(_device_of(model), _AUTOCAST_TYPES[self.config.model.autocast])

    def _run(self, model: nn.Module, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        # A wrapper's forward takes anything; the model inside says what it reads.
        reader = self.model if self.model is not None else model
        return model(**_arguments(reader, batch, f"dataset.aligner '{self.config.dataset.aligner}'"))


def _device_of(model: nn.Module) -> str:
    return next(model.parameters()).device.type


def _arguments(module: nn.Module, values: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Return those of ``values`` that ``module.forward`` names.

    Raises:
        ConfigError: If one that it needs is missing.
    """
    parameters = inspect.signature(module.forward).parameters
    missing = [name for name, each in parameters.items() if each.default is each.empty and name not in values]
    if missing:
        raise ConfigError(
            f"{type(module).__name__} needs '{missing[0]}', which {source} does not give "
            f"(there are: {', '.join(sorted(values))}). Choose parts that belong together."
        )
    return {name: values[name] for name in parameters if name in values}
