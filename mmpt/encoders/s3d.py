"""S3D with a space-to-depth stem: one second of frames becomes one vector.

Comes in: frames ``(B, 3, T, H, W)`` in 0..1. Goes out: ``video_embedding`` and ``mixed_5c``.
The network is S3D-G (Xie et al., "Rethinking Spatiotemporal Feature Learning", 2018) in the form
of Miech et al. ("End-to-End Learning of Visual Representations from Uncurated Instructional
Videos", 2020). Module names are a file format: the official checkpoint loads strictly.
"""

import os
from pathlib import Path
from textwrap import shorten

import torch
from torch import nn
from torch.nn import functional as F

from mmpt.encoders.s3d_text import VOCABULARY_SIZE, SentenceEmbedding, load_words
from mmpt.errors import CheckpointError, ConfigError
from mmpt.store.weightfile import read_weights

__all__ = ["BLOCKS", "POOLS", "S3D", "ConvBlock", "Gating", "MixedBlock", "check_frames", "load_s3d"]

BLOCKS: dict[str, tuple[int, int, int, int, int, int]] = {
    "mixed_3b": (64, 96, 128, 16, 32, 32),
    "mixed_3c": (128, 128, 192, 32, 96, 64),
    "mixed_4b": (192, 96, 208, 16, 48, 64),
    "mixed_4c": (160, 112, 224, 24, 64, 64),
    "mixed_4d": (128, 128, 256, 24, 64, 64),
    "mixed_4e": (112, 144, 288, 32, 64, 64),
    "mixed_4f": (256, 160, 320, 32, 128, 128),
    "mixed_5b": (256, 160, 320, 32, 128, 128),
    "mixed_5c": (384, 192, 384, 48, 128, 128),
}
"""Block -> channels of (1x1; reduce and separable 3x3x3; reduce and separable 3x3x3; pooled 1x1)."""

Size3 = tuple[int, int, int]

POOLS: dict[str, tuple[Size3, Size3]] = {
    "mixed_4b": ((3, 3, 3), (2, 2, 2)),
    "mixed_5b": ((2, 2, 2), (2, 2, 2)),
}
"""Block -> kernel and stride of the max-pool in front of it."""


def _scaled(channels: int, width: float) -> int:
    """Return ``channels * width`` as a multiple of 8, at least 8; width 1 changes nothing."""
    return max(8, round(channels * width / 8) * 8)


class ConvBlock(nn.Module):
    """Convolution, BatchNorm, ReLU; ``separable`` splits it into a spatial and a temporal one."""

    def __init__(self, c_in: int, c_out: int, kernel: Size3, padding: Size3, separable: bool = False) -> None:
        super().__init__()
        first, first_padding = kernel, padding
        if separable:
            first, first_padding = (1, *kernel[1:]), (0, *padding[1:])
            self.conv2 = nn.Conv3d(c_out, c_out, (kernel[0], 1, 1), padding=(padding[0], 0, 0), bias=False)
            self.bn2: nn.Module = nn.BatchNorm3d(c_out)
        self.conv1 = nn.Conv3d(c_in, c_out, first, padding=first_padding, bias=False)
        self.bn1: nn.Module = nn.BatchNorm3d(c_out)
        self.separable = separable

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, c_out, T, H, W) of ``x`` (B, c_in, T, H, W)."""
        x = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(x))) if self.separable else x


class Gating(nn.Module):
    """Feature gating: each channel times a sigmoid of all channels' means (the G of S3D-G)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = nn.Linear(channels, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``x`` (B, C, T, H, W), gated."""
        gate = torch.sigmoid(self.fc(x.mean(dim=(2, 3, 4))))
        return x * gate[:, :, None, None, None]


class MixedBlock(nn.Module):
    """Inception block: four branches, each gated, joined along the channels."""

    def __init__(self, c_in: int, channels: tuple[int, ...]) -> None:
        super().__init__()
        b0, b1_a, b1_b, b2_a, b2_b, b3_b = channels
        point, cube = ((1, 1, 1), (0, 0, 0)), ((3, 3, 3), (1, 1, 1))
        self.conv_b0 = ConvBlock(c_in, b0, *point)
        self.conv_b1_a = ConvBlock(c_in, b1_a, *point)
        self.conv_b1_b = ConvBlock(b1_a, b1_b, *cube, separable=True)
        self.conv_b2_a = ConvBlock(c_in, b2_a, *point)
        self.conv_b2_b = ConvBlock(b2_a, b2_b, *cube, separable=True)
        self.conv_b3_b = ConvBlock(c_in, b3_b, *point)
        self.gating_b0 = Gating(b0)
        self.gating_b1 = Gating(b1_b)
        self.gating_b2 = Gating(b2_b)
        self.gating_b3 = Gating(b3_b)
        self.out_channels = b0 + b1_b + b2_b + b3_b

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, out_channels, T, H, W)."""
        pooled = F.max_pool3d(x, kernel_size=3, stride=1, padding=1)
        return torch.cat(
            [
                self.gating_b0(self.conv_b0(x)),
                self.gating_b1(self.conv_b1_b(self.conv_b1_a(x))),
                self.gating_b2(self.conv_b2_b(self.conv_b2_a(x))),
                self.gating_b3(self.conv_b3_b(pooled)),
            ],
            dim=1,
        )


def _pool(x: torch.Tensor, kernel: Size3, stride: Size3) -> torch.Tensor:
    """Max-pool padded with zeros as TensorFlow's SAME: smaller half first, last window kept."""
    padding: list[int] = []
    for size, step in zip(reversed(kernel), reversed(stride), strict=True):  # F.pad starts at W
        total = max(size - step, 0)
        padding += [total // 2, total - total // 2]
    return F.max_pool3d(F.pad(x, padding), kernel, stride, ceil_mode=True)


def _space_to_depth(x: torch.Tensor) -> torch.Tensor:
    """Move every 2x2x2 block into channels ordered (t, h, w, colour): (B,3,T,H,W) -> (B,24,T/2,H/2,W/2)."""
    b, c, t, h, w = x.shape
    x = x.reshape(b, c, t // 2, 2, h // 2, 2, w // 2, 2)
    return x.permute(0, 3, 5, 7, 1, 2, 4, 6).reshape(b, 8 * c, t // 2, h // 2, w // 2)


class S3D(nn.Module):
    """S3D-G on one-second clips, with the word-embedding text tower of the same paper.

    Args:
        dict_path: ``.npy`` with the words of the text tower; None: sentences cannot be embedded.
        num_classes: Width of both embeddings.
        width: Factor on every channel number (rounded to multiples of 8); 1 is the published network.
        text_module: Whether to build the text tower; the official checkpoint needs it, a
            video-only network ships without it (20 million numbers less).
    """

    def __init__(
        self,
        dict_path: str | os.PathLike[str] | None = None,
        num_classes: int = 512,
        width: float = 1.0,
        text_module: bool = True,
    ) -> None:
        super().__init__()
        if width <= 0:
            raise ConfigError(f"The width of S3D is {width}; give a number above 0 (1 is the published one).")
        stem, wide = _scaled(64, width), _scaled(192, width)
        self.num_classes = num_classes
        self.conv1 = ConvBlock(24, stem, (2, 4, 4), (1, 2, 2))
        self.conv_2b = ConvBlock(stem, stem, (1, 1, 1), (0, 0, 0))
        self.conv_2c = ConvBlock(stem, wide, (3, 3, 3), (1, 1, 1), separable=True)
        self.gating = Gating(wide)
        channels = wide
        for name, plan in BLOCKS.items():
            block = MixedBlock(channels, tuple(_scaled(c, width) for c in plan))
            self.add_module(name, block)
            channels = block.out_channels
        self.fc = nn.Linear(channels, num_classes)
        words = None if dict_path is None else load_words(dict_path)
        self.text_module = SentenceEmbedding(num_classes, words, VOCABULARY_SIZE) if text_module else None

    def forward(self, video: torch.Tensor) -> dict[str, torch.Tensor]:
        """Embed clips.

        Args:
            video: Frames in 0..1, float ``(B, 3, T, H, W)``; T, H and W even.

        Returns:
            ``video_embedding`` (B, num_classes) and ``mixed_5c`` (B, 1024 · width).

        Raises:
            ConfigError: If the shape is another one, an axis is odd, or the numbers are no floats.
        """
        check_frames(video)
        if not video.is_floating_point():
            raise ConfigError(
                f"S3D takes floats in 0..1; this tensor holds {video.dtype}: divide by 255 first."
            )
        x = self.conv1(_space_to_depth(video))[:, :, 1:, 1:, 1:]
        x = self.conv_2b(_pool(x, (1, 3, 3), (1, 2, 2)))
        x = _pool(self.gating(self.conv_2c(x)), (1, 3, 3), (1, 2, 2))
        for name in BLOCKS:
            if name in POOLS:
                x = _pool(x, *POOLS[name])
            x = self.get_submodule(name)(x)
        mixed_5c = x.mean(dim=(2, 3, 4))
        return {"video_embedding": self.fc(mixed_5c), "mixed_5c": mixed_5c}

    def embed_text(self, sentences: list[str]) -> torch.Tensor:
        """Embed sentences with the word tower: (B, num_classes).

        Raises:
            ConfigError: If the network was built without the tower or without its dictionary.
        """
        if self.text_module is None:
            raise ConfigError("This S3D was built with text_module=False and cannot embed sentences.")
        return self.text_module(sentences)["text_embedding"]


def check_frames(video: torch.Tensor) -> None:
    """Raise :class:`ConfigError` if this is not (B, 3, T, H, W) with even T, H and W."""
    shape = tuple(video.shape)
    if len(shape) != 5 or shape[1] != 3:
        raise ConfigError(f"S3D takes frames of shape (B, 3, T, H, W); this tensor has shape {shape}.")
    if any(size % 2 or size == 0 for size in shape[2:]):
        raise ConfigError(
            f"S3D folds 2x2x2 blocks, so T, H and W must be even and not 0; this tensor has shape {shape}. "
            "Pad to whole seconds at an even frame rate and resize to an even size."
        )


def load_s3d(
    weights: str | os.PathLike[str],
    dict_path: str | os.PathLike[str] | None = None,
    width: float = 1.0,
    num_classes: int = 512,
) -> S3D:
    """Build S3D from a weight file, ready for inference (evaluation mode, float32).

    Args:
        weights: State dict as ``.safetensors``, or as ``.pth`` (read without running code).
        dict_path: Words of the text tower; None for video only.
        width: Width factor the weights were trained with.
        num_classes: Width of the embedding.

    Raises:
        CheckpointError: If the file is missing, unsafe, or belongs to another network or width.
    """
    if not Path(weights).is_file():
        raise CheckpointError(
            f"The S3D weights {weights} do not exist. Put the official s3d_howto100m.pth there, or name "
            "pretrained_models/s3d_demo.safetensors with width 0.25, the small network of the demo."
        )
    state = read_weights(weights)
    has_text = any(name.startswith("text_module.") for name in state)
    model = S3D(dict_path, num_classes, width, text_module=has_text)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        reason = shorten(str(error).partition("\n")[2] or str(error), 200, placeholder=" ...")
        raise CheckpointError(
            f"The weights {weights} do not fit S3D with width={width} and num_classes={num_classes}: "
            f"{reason} Set the width that the weights were trained with."
        ) from error
    return model.eval()
