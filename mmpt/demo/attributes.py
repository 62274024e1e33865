"""The demo's video encoder with the heads that teach it: which object acts, and how.

Comes in: uint8 clips. Goes out: logits per attribute, read off the normalised embedding that
extraction stores. The heads are thrown away after training.
"""

from typing import cast

import torch
from torch import nn
from torch.nn import functional as F

from mmpt.demo.clips import HEADS, IGNORED
from mmpt.encoders.s3d import S3D

__all__ = ["AttributeModel"]

_WEIGHTS = {"action": 1.5, "colour": 1.0, "shape": 1.0, "size": 0.3, "place": 0.3}


class _SideHead(nn.Module):
    """Attributes from the features right at the acted object, and where that object is.

    Helps early layers to learn (as the side classifiers of GoogLeNet did); dropped after training.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attributes = nn.Linear(channels, sum(map(len, HEADS.values())))
        self.where = nn.Linear(channels, 1)

    def forward(self, features: torch.Tensor, labels: torch.Tensor, spots: torch.Tensor) -> torch.Tensor:
        """Return the loss for features (B, C, T, H, W) and centres (B, 2) in 0..1."""
        maps = features.mean(dim=2)
        cells = (spots * maps.shape[-1]).long().clamp(0, maps.shape[-1] - 1)
        here = maps[torch.arange(len(maps)), :, cells[:, 1], cells[:, 0]]
        parts = self.attributes(here).split([len(values) for values in HEADS.values()], dim=1)
        cell = (cells[:, 1] * maps.shape[-1] + cells[:, 0]).masked_fill(labels[:, 0] == 0, IGNORED)
        found = F.cross_entropy(
            self.where(maps.flatten(2).transpose(1, 2))[:, :, 0], cell, ignore_index=IGNORED
        )
        return _loss(dict(zip(HEADS, parts, strict=True)), labels) + found


class AttributeModel(nn.Module):
    """S3D and one linear head per attribute, on the normalised embedding that extraction stores."""

    def __init__(self, width: float) -> None:
        super().__init__()
        self.s3d = S3D(width=width, text_module=False)
        for module in self.s3d.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last_3d)
        d = self.s3d.num_classes
        # Centred features use the whole sphere; the statistics are folded into fc when saved.
        self.centre = nn.BatchNorm1d(d, affine=False)
        self.heads = nn.ModuleDict({name: nn.Linear(d, len(values)) for name, values in HEADS.items()})
        self.side = nn.ModuleDict()
        self._seen: dict[str, torch.Tensor] = {}
        for name in ("mixed_3c", "mixed_4f"):
            block = self.s3d.get_submodule(name)
            self.side[name] = _SideHead(cast(int, block.out_channels))
            block.register_forward_hook(lambda _m, _i, out, name=name: self._seen.update({name: out}))

    def forward(self, frames: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return logits per attribute for uint8 frames (B, 3, T, H, W)."""
        video = (frames.float() / 255).contiguous(memory_format=torch.channels_last_3d)
        # Not in bfloat16: on CPU it is a quarter faster, but its gradients through 57 BatchNorms are noise,
        # and oneDNN returns infinite ones for the 3x1x1 kernels over two frames (torch 2.13).
        embedding = self.s3d(video)["video_embedding"]
        scaled = F.normalize(self.centre(embedding), dim=1) * embedding.shape[1] ** 0.5
        return {name: head(scaled) for name, head in self.heads.items()}

    def loss(self, frames: torch.Tensor, labels: torch.Tensor, spots: torch.Tensor) -> torch.Tensor:
        """Return the loss of the embedding plus that of the side heads."""
        total = _loss(self(frames), labels)
        for name, head in self.side.items():
            total = total + 0.5 * head(self._seen[name], labels, spots)
        return total

    def inference_state(self) -> dict[str, torch.Tensor]:
        """Return S3D's state dict with the centring folded into its last layer."""
        state = {name: value.clone() for name, value in self.s3d.state_dict().items()}
        statistics = self.centre.state_dict()
        deviation = (statistics["running_var"] + self.centre.eps).sqrt()
        state["fc.weight"] = state["fc.weight"] / deviation[:, None]
        state["fc.bias"] = (state["fc.bias"] - statistics["running_mean"]) / deviation
        return state


def _loss(logits: dict[str, torch.Tensor], labels: torch.Tensor) -> torch.Tensor:
    parts = [
        _WEIGHTS[name] * F.cross_entropy(logits[name], labels[:, k], ignore_index=IGNORED)
        for k, name in enumerate(HEADS)
    ]
    return torch.stack(parts).sum()
