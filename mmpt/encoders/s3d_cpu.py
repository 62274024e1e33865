"""S3D on a CPU, several times faster than the module and equal to it up to rounding.

What is different, and why it is the same function:

- A clip is kept as (T, H, W, C), channels last: what PyTorch's CPU convolutions are fastest with.
- BatchNorm is folded into the convolutions, and their ReLU is applied as they write.
- The stem reads bytes: 255 is divided out of its weights. Two pixels of three colours lie next to
  each other in memory, so six channels at half the width cost nothing; the rest of space-to-depth is
  a stride of 2: a 4x8x4 kernel instead of 2x4x4 on 24 channels.
- The stem goes through a few frames at a time, which stay in the cache; only ``conv_2c`` joins frames.
- Convolutions over space are 2-D ones over T images; those over time see H·W as one axis.
- The three 1x1 convolutions that read a block's input are one.
- Max-pools are maxima of slices, axis by axis. They are padded with zeros and all they read is at
  least 0, so padding can be left out. Gates are positive: they are applied behind the pool, to less.
"""

from collections.abc import Sequence

import torch
from torch import nn

from mmpt.encoders.clip_threads import map_clips
from mmpt.encoders.s3d import BLOCKS, POOLS, S3D, ConvBlock, Gating, MixedBlock
from mmpt.encoders.s3d_folding import fold_batchnorm
from mmpt.encoders.slicepool import halve, max3

__all__ = ["ClipS3D"]

FRAMES = 4
"""Frames, after the stem's stride, that go through the stem at a time."""
COLOURS = 3


class ClipS3D(nn.Module):
    """S3D for inference on a CPU, clip by clip: a vector does not depend on its batch.

    Args:
        network: S3D in evaluation mode; it is copied.
        dtype: What convolutions compute in: float32, or bfloat16 where the processor has it.
    """

    def __init__(self, network: S3D, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        network = fold_batchnorm(network)
        self._stem = _Stem(network, dtype)
        self._blocks = nn.ModuleDict({name: _Mixed(network.get_submodule(name), dtype) for name in BLOCKS})
        self._fc = network.fc
        self._widths = [network.fc.out_features, network.fc.in_features]
        self.requires_grad_(False)

    def forward(self, frames: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return ``video_embedding`` and ``mixed_5c`` of frames uint8 (B, T, H, W, 3); T, H, W even."""
        embedding, mixed_5c = map_clips(self._clip, frames).split(self._widths, dim=1)
        return {"video_embedding": embedding, "mixed_5c": mixed_5c}

    def _clip(self, frames: torch.Tensor) -> torch.Tensor:
        x = self._stem(frames)
        for name, block in self._blocks.items():
            if name in POOLS:
                kernel, _ = POOLS[name]
                for axis, size in enumerate(kernel):
                    x = halve(x, axis, size)
            x = block(x)
        mixed_5c = x.mean((0, 1, 2), dtype=torch.float32)
        return torch.cat([self._fc(mixed_5c), mixed_5c])


class _Stem(nn.Module):
    """From bytes (T, H, W, 3) to (T/2, H/8, W/8, C)."""

    def __init__(self, network: S3D, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype
        conv = network.conv1.conv1
        # (out, 8 · colours, 2, 4, 4) with channels (t, h, w, colour) -> (out, w · colours, 4, 8, 4).
        blocks = conv.weight.unflatten(1, (2, 2, 2, COLOURS)).permute(0, 3, 4, 5, 1, 6, 2, 7)
        weight = blocks.reshape(len(conv.weight), 2 * COLOURS, 4, 8, 4) / 255
        self.weight, self.bias = _parameters(weight, conv.bias, dtype)
        self.conv_2b = _Pointwise([network.conv_2b], dtype)
        self.spatial, self.temporal = _separable(network.conv_2c, dtype)
        self.gate = _Gate(network.gating)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        t, h, w, _ = frames.shape
        # Zeros around: of the 24-channel image 1 row in front and 2 behind, in time 1 behind.
        padded = torch.zeros(t + 2, h + 6, w // 2 + 3, 2 * COLOURS, dtype=self.dtype)
        padded[:t, 2:-4, 1:-2] = frames.reshape(t, h, w // 2, 2 * COLOURS)
        x = torch.cat([self._few(padded[2 * i : 2 * (i + FRAMES) + 2]) for i in range(0, t // 2, FRAMES)])
        x = self.temporal(x)
        return self.gate(x, halve(halve(x, 1, 3), 2, 3))

    def _few(self, padded: torch.Tensor) -> torch.Tensor:
        images = padded.permute(3, 0, 1, 2)[None]
        x = _conv_relu(images, self.weight, self.bias, stride=(2, 2, 1), padding=(0, 0, 0))
        x = x[0].permute(1, 2, 3, 0)
        return self.spatial(self.conv_2b(halve(halve(x, 1, 3), 2, 3)))


class _Mixed(nn.Module):
    """Inception block."""

    def __init__(self, block: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        assert isinstance(block, MixedBlock)
        first = [block.conv_b0, block.conv_b1_a, block.conv_b2_a]
        self.widths = [conv.conv1.out_channels for conv in first]
        self.first = _Pointwise(first, dtype)
        self.b1 = nn.Sequential(*_separable(block.conv_b1_b, dtype))
        self.b2 = nn.Sequential(*_separable(block.conv_b2_b, dtype))
        self.b3 = _Pointwise([block.conv_b3_b], dtype)
        gatings = [block.gating_b0, block.gating_b1, block.gating_b2, block.gating_b3]
        self.gates = nn.ModuleList(map(_Gate, gatings))
        self.out_channels = block.out_channels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b0, b1, b2 = self.first(x).split(self.widths, dim=-1)
        pooled = max3(max3(max3(x, 0), 1), 2)
        branches = [b0, self.b1(b1), self.b2(b2), self.b3(pooled)]
        joined = x.new_empty(*x.shape[:3], self.out_channels)
        places = joined.split([branch.shape[-1] for branch in branches], dim=-1)
        for gate, branch, place in zip(self.gates, branches, places, strict=True):
            gate(branch, branch, out=place)
        return joined


class _Gate(nn.Module):
    """Feature gating; computed in float32 whatever the convolutions compute in."""

    def __init__(self, gating: Gating) -> None:
        super().__init__()
        self.fc = gating.fc

    def forward(self, x: torch.Tensor, y: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
        """Return ``y`` times the gate that ``x`` (T, H, W, C) gives."""
        pixels = x.flatten(0, 2)
        # A product with ones: the mean of bfloat16 along a leading axis is 15 times slower.
        mean = (pixels.T @ pixels.new_ones(len(pixels))).float() / len(pixels)
        return torch.mul(y, torch.sigmoid(self.fc(mean)).to(y.dtype), out=out)


class _Images(nn.Module):
    """Convolution and ReLU on T images."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor, padding: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.weight, self.bias = _parameters(weight, bias, dtype)
        self.padding = (padding, padding)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = _conv_relu(x.permute(0, 3, 1, 2), self.weight, self.bias, (1, 1), self.padding)
        return x.permute(0, 2, 3, 1)


class _Pointwise(_Images):
    """1x1x1 convolutions of one input, their outputs joined."""

    def __init__(self, blocks: Sequence[ConvBlock], dtype: torch.dtype) -> None:
        weight = torch.cat([block.conv1.weight[:, :, 0] for block in blocks])
        super().__init__(weight, torch.cat([_bias(block.conv1) for block in blocks]), 0, dtype)


class _Temporal(nn.Module):
    """Convolution over time, and ReLU: one image of T rows, each with all pixels of a frame."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor, dtype: torch.dtype) -> None:
        super().__init__()
        self.weight, self.bias = _parameters(weight, bias, dtype)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        image = x.flatten(1, 2).permute(2, 0, 1)[None]
        y = _conv_relu(image, self.weight, self.bias, (1, 1), (self.weight.shape[2] // 2, 0))
        return y[0].permute(1, 2, 0).unflatten(1, x.shape[1:3])


def _separable(block: ConvBlock, dtype: torch.dtype) -> tuple[_Images, _Temporal]:
    spatial = _Images(block.conv1.weight[:, :, 0], _bias(block.conv1), 1, dtype)
    return spatial, _Temporal(block.conv2.weight[..., 0], _bias(block.conv2), dtype)


def _bias(conv: nn.Conv3d) -> torch.Tensor:
    assert conv.bias is not None, "BatchNorm was folded into it"
    return conv.bias


def _parameters(
    weight: torch.Tensor, bias: torch.Tensor | None, dtype: torch.dtype
) -> tuple[nn.Parameter, nn.Parameter]:
    assert bias is not None, "BatchNorm was folded into it"
    layout = torch.channels_last if weight.ndim == 4 else torch.channels_last_3d
    return nn.Parameter(weight.to(dtype, memory_format=layout)), nn.Parameter(bias.to(dtype))


def _conv_relu(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, stride: Sequence[int], padding: Sequence[int]
) -> torch.Tensor:
    ones = [1] * len(stride)
    if _is_in_mkldnn(x.dtype):
        # What torch.compile calls, too. The public function computes small inputs in a slower way.
        return torch.ops.mkldnn._convolution_pointwise(
            x, weight, bias, list(padding), list(stride), ones, 1, "relu", [], ""
        )
    return torch.convolution(x, weight, bias, stride, padding, ones, False, [0] * len(ones), 1).relu_()


def _is_in_mkldnn(dtype: torch.dtype) -> bool:
    has_bfloat16 = torch.ops.mkldnn._is_mkldnn_bf16_supported  # not on every processor
    return torch.backends.mkldnn.is_available() and (dtype != torch.bfloat16 or has_bfloat16())
