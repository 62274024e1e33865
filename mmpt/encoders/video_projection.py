"""From the features of a video network to tokens of BERT's width."""

import torch
from torch import nn
from transformers.activations import ACT2FN

__all__ = ["FEATURE_WIDTH", "VideoTokenMLP"]

FEATURE_WIDTH = 512
"""Numbers in a vector of S3D."""


class VideoTokenMLP(nn.Module):
    """Linear, activation, LayerNorm, Linear: one video token per second.

    Args:
        hidden_size: Width of BERT.
        hidden_act: BERT's activation, such as ``"gelu"``.
        initializer_range: Standard deviation of the initial weights, as in BERT.
        input_dim: Width of the features.
    """

    def __init__(
        self,
        hidden_size: int,
        hidden_act: str,
        initializer_range: float = 0.02,
        input_dim: int = FEATURE_WIDTH,
    ) -> None:
        super().__init__()
        self.linear1 = nn.Linear(input_dim, hidden_size)
        self.LayerNorm = nn.LayerNorm(hidden_size)
        self.activation = ACT2FN[hidden_act]
        self.linear2 = nn.Linear(hidden_size, hidden_size)
        for linear in (self.linear1, self.linear2):
            nn.init.normal_(linear.weight, std=initializer_range)
            nn.init.zeros_(linear.bias)

    def forward(self, vfeats: torch.Tensor) -> torch.Tensor:
        """Project (B, T, input_dim) to (B, T, hidden_size)."""
        return self.linear2(self.LayerNorm(self.activation(self.linear1(vfeats))))
