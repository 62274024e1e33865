"""The demo's video encoder with the heads that teach it: which object acts, and how.

Comes in: uint8 clips. Goes out: logits per attribute, read off the normalised embedding that
extraction stores. The heads are thrown away after training.
"""

from typing import cast

import torch
from torch import nn
from torch.nn import functional as F

from mmpt.demo.clips import HEADS, IGNORED, ClipBatch
from mmpt.encoders.s3d import S3D

__all__ = ["AttributeModel"]

_WEIGHTS = {"action": 1.5, "colour": 1.0, "shape": 1.5, "size": 0.3, "place": 0.3}


class _SideHead(nn.Module):
    """Attributes from the features right at an object, and where the acted object is.

    Helps early layers to learn, as the side classifiers of GoogLeNet did; dropped after training.

    Args:
        channels: Channels of the features.
        resting: Whether objects at rest count too: several shapes to learn from in every clip, where
            cells are small enough to hold one object.
    """

    def __init__(self, channels: int, resting: bool) -> None:
        super().__init__()
        self.resting = resting
        self.attributes = nn.Linear(channels, sum(map(len, HEADS.values())))
        self.where = nn.Linear(channels, 1)

    def forward(self, features: torch.Tensor, batch: ClipBatch) -> torch.Tensor:
        """Return the loss for features (B, C, T, H, W)."""
        side = features.shape[-1]
        maps = features.mean(dim=2).flatten(2).transpose(1, 2)  # (B, cells, C)
        cell = _cells(batch.spots, side)
        acted = self._logits(maps, cell[:, None])
        target = cell.masked_fill(batch.labels[:, 0] == 0, IGNORED)
        loss = _loss({name: logits[:, 0] for name, logits in acted.items()}, batch.labels)
        loss = loss + _cross_entropy(self.where(maps)[:, :, 0], target)
        if self.resting:
            others = self._logits(maps, _cells(batch.resting_spots, side))
            for k, name in enumerate(("colour", "shape", "size")):
                right = batch.resting[:, :, k].flatten()
                loss = loss + _WEIGHTS[name] * _cross_entropy(others[name].flatten(0, 1), right)
        return loss

    def _logits(self, maps: torch.Tensor, cells: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return logits (B, N, values) per attribute at cells (B, N)."""
        here = maps.gather(1, cells[:, :, None].expand(-1, -1, maps.shape[2]))
        parts = self.attributes(here).split([len(values) for values in HEADS.values()], dim=2)
        return dict(zip(HEADS, parts, strict=True))


def _cells(spots: torch.Tensor, side: int) -> torch.Tensor:
    """Return the number of the cell that holds each point (..., 2) on a grid of side x side."""
    column_row = (spots * side).long().clamp(0, side - 1)
    return column_row[..., 1] * side + column_row[..., 0]


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
        for name, resting in (("mixed_3c", True), ("mixed_4f", False)):
            block = self.s3d.get_submodule(name)
            self.side[name] = _SideHead(cast(int, block.out_channels), resting)
            block.register_forward_hook(lambda _m, _i, out, name=name: self._seen.update({name: out}))

    def forward(self, frames: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return logits per attribute for uint8 frames (B, 3, T, H, W)."""
        video = (frames.float() / 255).contiguous(memory_format=torch.channels_last_3d)
        # Not in bfloat16: on CPU it is a quarter faster, but its gradients through 57 BatchNorms are noise,
        # and oneDNN returns infinite ones for the 3x1x1 kernels over two frames (torch 2.13).
        embedding = self.s3d(video)["video_embedding"]
        scaled = F.normalize(self.centre(embedding), dim=1) * embedding.shape[1] ** 0.5
        return {name: head(scaled) for name, head in self.heads.items()}

    def loss(self, batch: ClipBatch) -> torch.Tensor:
        """Return the loss of the embedding plus that of the side heads."""
        total = _loss(self(batch.frames), batch.labels)
        for name, head in self.side.items():
            total = total + 0.5 * head(self._seen[name], batch)
        return total

    def parameter_groups(self) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        """Return the parameters up to mixed_3c, its side head among them, and all others."""
        names = ("s3d.conv", "s3d.gating.", "s3d.mixed_3", "side.mixed_3c")
        early = {name: p for name, p in self.named_parameters() if name.startswith(names)}
        return list(early.values()), [p for name, p in self.named_parameters() if name not in early]

    def inference_state(self) -> dict[str, torch.Tensor]:
        """Return S3D's state dict with the centring folded into its last layer."""
        state = {name: value.clone() for name, value in self.s3d.state_dict().items()}
        statistics = self.centre.state_dict()
        deviation = (statistics["running_var"] + self.centre.eps).sqrt()
        state["fc.weight"] = state["fc.weight"] / deviation[:, None]
        state["fc.bias"] = (state["fc.bias"] - statistics["running_mean"]) / deviation
        return state


def _loss(logits: dict[str, torch.Tensor], labels: torch.Tensor) -> torch.Tensor:
    parts = [_WEIGHTS[name] * _cross_entropy(logits[name], labels[:, k]) for k, name in enumerate(HEADS)]
    return torch.stack(parts).sum()


def _cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the mean over labels that are not ignored; 0, not NaN, if all are."""
    total = F.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="sum")
    return total / (labels != IGNORED).sum().clamp(min=1)
