"""Masks of a joint model: who sees whom, layer by layer."""

import torch

from mmpt.modules.attention import additive_mask

__all__ = ["isolated_pairs", "joint_layer_masks"]


def isolated_pairs(num_video: int, length: int, device: torch.device | None = None) -> torch.Tensor:
    """Return which pairs of tokens see each other in an isolated layer, bool (length, length).

    ``[CLS]`` sees only itself, video and its ``[SEP]`` see each other, text sees text::

                 [CLS] video [SEP] text
        [CLS]      x
        video            x     x
        [SEP]            x     x
        text                         x

    Args:
        num_video: Number T of video tokens.
        length: Length of ``[CLS] video [SEP] text``.
        device: Device of the result.
    """
    group = torch.full((length,), 2, device=device)
    group[: num_video + 2] = 1
    group[0] = 0
    return group[:, None] == group[None, :]


def joint_layer_masks(
    mask: torch.Tensor, num_video: int, num_layers: int, num_iso_layer: int, dtype: torch.dtype
) -> list[torch.Tensor]:
    """Return one additive mask per layer, each (B, 1, length or 1, length).

    Args:
        mask: True at real tokens of ``[CLS] video [SEP] text``, bool (B, length).
        num_video: Number T of video tokens.
        num_layers: Layers of the encoder.
        num_iso_layer: How many of them, from the first, are isolated.
        dtype: Type of the masks.
    """
    real = mask[:, None, None, :]
    isolated = additive_mask(isolated_pairs(num_video, mask.shape[1], mask.device) & real, dtype)
    mixed = additive_mask(real, dtype)
    return [isolated if layer < num_iso_layer else mixed for layer in range(num_layers)]
