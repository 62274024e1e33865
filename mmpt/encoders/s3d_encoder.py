"""S3D as a video encoder: uint8 frames to ``video_embedding`` or ``mixed_5c``."""

from typing import Literal

import torch
from torch import nn

from mmpt.encoders.s3d import S3D, check_frames, load_s3d
from mmpt.encoders.s3d_cpu import ClipS3D
from mmpt.encoders.s3d_folding import fold_batchnorm
from mmpt.encoders.weights import weights_label
from mmpt.errors import ConfigError
from mmpt.store.encoder import PRECISIONS, EncoderSpec, Precision

__all__ = ["OUTPUTS", "BatchS3D", "S3DEncoder", "build_s3d"]

WEIGHTS = "pretrained_models/s3d_howto100m.pth"
"""Where the official weights are looked for."""
SMALL = 50_000
"""Pixels of a clip times the square of the width, below which a clip alone is too little work for a CPU.

A clip has 400 steps of about 15 µs beside its work. The narrow network of the demo (10 frames of 64 x 64,
width 0.25: 2560) does 490 clips a second in batches and 170 one by one; the published one has 1.5 million.
"""
OUTPUTS = ("video_embedding", "mixed_5c")
"""What S3D gives: the published features, and what its last layer reads."""


class BatchS3D(nn.Module):
    """S3D for inference on whole batches, as GPUs and small networks like it: folded, channels last.

    Args:
        network: S3D in evaluation mode; it is copied.
        dtype: What it computes in.
        compiled: Whether ``torch.compile`` joins its layers: the first batch takes a minute or more.
    """

    def __init__(self, network: S3D, dtype: torch.dtype = torch.float32, compiled: bool = False) -> None:
        super().__init__()
        folded = fold_batchnorm(network).requires_grad_(False)
        self._network = folded.to(dtype=dtype, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self._dtype = dtype
        self._run = torch.compile(self._network) if compiled else self._network

    def forward(self, frames: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return ``video_embedding`` and ``mixed_5c`` of frames uint8 (B, T, H, W, 3); T, H, W even."""
        # (B, T, H, W, 3) seen as (B, 3, T, H, W) is what torch calls channels_last_3d: no copy.
        video = frames.permute(0, 4, 1, 2, 3).to(self._dtype).div_(255)
        # TF32, which PyTorch allows convolutions by default, rounds to 10 bits.
        with torch.backends.cudnn.flags(allow_tf32=False):
            return self._run(video)


class S3DEncoder(nn.Module):
    """S3D on one-second clips.

    Args:
        network: Maps frames uint8 (B, T, H, W, 3) to a dict with ``output``.
        spec: Its facts.
        output: One of :data:`OUTPUTS`.
    """

    def __init__(self, network: nn.Module, spec: EncoderSpec, output: str = "video_embedding") -> None:
        super().__init__()
        self.network, self.spec, self.output = network, spec, output

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return vectors (B, D) of frames uint8 (B, T, H, W, 3); T, H and W even.

        Raises:
            ConfigError: If the shape is another one, an axis is odd, or the numbers are no bytes.
        """
        if frames.dtype != torch.uint8:
            raise ConfigError(f"The encoder takes bytes (uint8) in 0..255; this tensor holds {frames.dtype}.")
        check_frames(frames.movedim(-1, 1))
        return self.network(frames)[self.output].float()


def build_s3d(
    weights: str | None,
    device: torch.device,
    *,
    output: Literal["video_embedding", "mixed_5c"] = "video_embedding",
    width: float = 1.0,
    fps: int = 30,
    size: int = 224,
    precision: Precision = "float32",
    compile: bool = False,
) -> S3DEncoder:
    """Build S3D from its weights.

    Args:
        weights: File of the weights; None: the official ones in ``pretrained_models``.
        device: Where it computes.
        output: The 512 numbers of the published features, or the 1024 that their layer reads.
        width: Width factor the weights were trained with.
        fps: Frames per second, even.
        size: Height and width of a frame, even.
        precision: ``float32`` gives the published numbers; ``bfloat16`` is faster on processors and GPUs
            that have it, and differs by about 0.3 percent.
        compile: Use ``torch.compile``; meant for GPUs.

    Raises:
        ConfigError: If ``fps`` or ``size`` is odd.
        CheckpointError: If the weights are missing or of another network.
    """
    if fps % 2 or size % 2:
        raise ConfigError(
            f"S3D folds two frames and two pixels into one: fps and size must be even, not {fps} and {size}."
        )
    path = weights or WEIGHTS
    network = load_s3d(path, width=width)
    on_batches = device.type != "cpu" or compile or fps * size * size * width**2 < SMALL
    spec = EncoderSpec(
        name="s3d" if output == "video_embedding" else f"s3d.{output}",
        dim=network.num_classes if output == "video_embedding" else network.fc.in_features,
        fps=fps,
        size=size,
        weights=weights_label(path),
        precision=precision,
        clipwise=not on_batches,
    )
    dtype = PRECISIONS[precision]
    fast = BatchS3D(network, dtype, compile) if on_batches else ClipS3D(network, dtype)
    return S3DEncoder(fast.to(device), spec, output)
