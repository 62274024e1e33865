"""The one inference loop: every predictor and every model runs through it, on any device."""

from collections.abc import Sized
from typing import Any

import torch
from torch import nn

from mmpt.datasets import MMDataset
from mmpt.evaluators.predictor import Forward, Predictions, Predictor
from mmpt.utils.device import move_batch
from mmpt.utils.progress import progress

__all__ = ["run_inference"]


def run_inference(
    model: nn.Module,
    batches: Any,
    dataset: MMDataset,
    predictor: Predictor,
    forward: Forward,
    *,
    device: torch.device,
    dtype: torch.dtype = torch.float32,
) -> Predictions:
    """Run ``model`` over all batches and return what ``predictor`` made of the outputs.

    The model is moved to ``device`` and ``dtype`` and stays there; its training mode is restored.

    Args:
        model: The model to evaluate.
        batches: Iterable of collated batches, such as a ``DataLoader``.
        dataset: What the batches are made of.
        predictor: Collects the outputs.
        forward: Runs the model on one batch.
        device: Where to compute.
        dtype: Floating-point type of weights and features.
    """
    model.to(device=device, dtype=dtype)
    was_training = model.training
    model.eval()
    predictor.reset()
    total = len(batches) if isinstance(batches, Sized) else None
    try:
        with torch.inference_mode():
            predictor.prepare(model, dataset)
            for batch in progress(batches, "predict", total=total, unit="batch"):
                predictor.process(batch, predictor.run(model, move_batch(batch, device, dtype), forward))
            return predictor.finalize()
    finally:
        model.train(was_training)
