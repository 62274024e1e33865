"""S3D as a video encoder: uint8 frames to ``video_embedding`` or ``mixed_5c``."""

from typing import Literal

import torch
from torch import nn

from mmpt.encoders.s3d import load_s3d
from mmpt.encoders.weights import weights_label
from mmpt.errors import ConfigError
from mmpt.store.encoder import EncoderSpec

__all__ = ["OUTPUTS", "S3DEncoder", "build_s3d"]

WEIGHTS = "pretrained_models/s3d_howto100m.pth"
"""Where the official weights are looked for."""
OUTPUTS = ("video_embedding", "mixed_5c")
"""What S3D gives: the published features, and what its last layer reads."""


class S3DEncoder(nn.Module):
    """S3D on one-second clips.

    Args:
        network: S3D, with weights.
        spec: Its facts.
        output: One of :data:`OUTPUTS`.
    """

    def __init__(self, network: nn.Module, spec: EncoderSpec, output: str = "video_embedding") -> None:
        super().__init__()
        self.network, self.spec, self.output = network, spec, output

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return vectors (B, D) of frames uint8 (B, T, H, W, 3)."""
        # (B, T, H, W, 3) seen as (B, 3, T, H, W) is what torch calls channels_last_3d: no copy.
        return self.network(self.spec.normalized(frames).permute(0, 4, 1, 2, 3))[self.output]


def build_s3d(
    weights: str | None,
    device: torch.device,
    *,
    output: Literal["video_embedding", "mixed_5c"] = "video_embedding",
    width: float = 1.0,
    fps: int = 30,
    size: int = 224,
) -> S3DEncoder:
    """Build S3D from its weights.

    Args:
        weights: File of the weights; None: the official ones in ``pretrained_models``.
        device: Where it computes.
        output: The 512 numbers of the published features, or the 1024 that their layer reads.
        width: Width factor the weights were trained with.
        fps: Frames per second, even.
        size: Height and width of a frame, even.

    Raises:
        ConfigError: If ``output`` is unknown, or ``fps`` or ``size`` is odd.
        CheckpointError: If the weights are missing or of another network.
    """
    if output not in OUTPUTS:
        raise ConfigError(f"S3D has no output '{output}'; give one of {', '.join(OUTPUTS)}.")
    if fps % 2 or size % 2:
        raise ConfigError(
            f"S3D folds two frames and two pixels into one: fps and size must be even, not {fps} and {size}."
        )
    path = weights or WEIGHTS
    network = load_s3d(path, width=width)
    dim = network.num_classes if output == "video_embedding" else network.fc.in_features
    name = "s3d" if output == "video_embedding" else f"s3d.{output}"
    spec = EncoderSpec(name=name, dim=dim, fps=fps, size=size, weights=weights_label(path))
    network = network.to(device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    return S3DEncoder(network, spec, output)
