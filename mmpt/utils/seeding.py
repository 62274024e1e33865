"""Randomness as an argument: a sample depends on (seed, epoch, index) and on nothing else."""

import random

import numpy as np

__all__ = ["item_generator", "set_seed"]


def item_generator(seed: int, epoch: int, index: int) -> np.random.Generator:
    """Return the random generator of one dataset item.

    The same triple gives the same stream whatever the worker, rank or order of access.

    Args:
        seed: Seed of the run (``--seed``).
        epoch: Training epoch; 0 for evaluation.
        index: Position of the item in the dataset.
    """
    return np.random.default_rng((seed, epoch, index))


def set_seed(seed: int) -> None:
    """Seed Python, numpy and torch for code that still draws from the global generators."""
    import torch

    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
