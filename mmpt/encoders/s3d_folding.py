"""S3D for inference: BatchNorm becomes part of the convolution in front of it."""

import copy

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from mmpt.encoders.s3d import S3D, ConvBlock

__all__ = ["fold_batchnorm"]


def fold_batchnorm(network: S3D) -> S3D:
    """Return a copy without BatchNorm and with the same outputs, up to rounding.

    In evaluation BatchNorm is a scale and a shift per channel, ``(y - mean) / sqrt(var + eps) * weight +
    bias``, and so is what a convolution does to its output channels: their product is one convolution.

    Args:
        network: In evaluation mode. Its state dict fits no folded copy, and is not changed.
    """
    network = copy.deepcopy(network)
    for block in network.modules():
        if isinstance(block, ConvBlock):
            block.conv1, block.bn1 = _folded(block.conv1, block.bn1), nn.Identity()
            if block.separable:
                block.conv2, block.bn2 = _folded(block.conv2, block.bn2), nn.Identity()
    return network


def _folded(conv: nn.Conv3d, batchnorm: nn.Module) -> nn.Conv3d:
    assert isinstance(batchnorm, nn.BatchNorm3d), "it was folded before"
    return fuse_conv_bn_eval(conv, batchnorm)
