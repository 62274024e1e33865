"""Which device to compute on, and how a batch gets there."""

from collections.abc import Mapping
from typing import Any

import torch

from mmpt.errors import ConfigError

__all__ = ["move_batch", "pick_device"]


def pick_device(name: str | None = None) -> torch.device:
    """Return the device called ``name``; without a name the first GPU, or the CPU if there is none.

    Raises:
        ConfigError: If the name is no device, or the GPU that it names is not there.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device: torch.device | None
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise ConfigError(f"'{name}' is no device to compute on; give cpu, cuda or cuda:<number>.")
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device.type == "cuda" and (device.index or 0) >= gpus:
        raise ConfigError(
            f"The device '{name}' is not available: PyTorch {torch.__version__} sees {gpus} GPUs here. "
            "Give --device cpu, or install a PyTorch build for your GPU."
        )
    return device


def move_batch(batch: Mapping[str, Any], device: torch.device, dtype: torch.dtype) -> dict[str, Any]:
    """Return a copy of ``batch`` with its tensors on ``device``, floating-point ones as ``dtype``."""
    return {
        key: (
            value.to(device, dtype if value.is_floating_point() else value.dtype, non_blocking=True)
            if isinstance(value, torch.Tensor)
            else value
        )
        for key, value in batch.items()
    }
