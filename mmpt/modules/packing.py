"""Padding removal: the real tokens of a padded batch, laid end to end, and the way back.

A batch of short sequences padded to one length spends most of its time on padding. All of BERT but
its attention works on single tokens, so those parts run on the packed tokens ``(1, N, ...)``; only
attention (1-2 % of the work at these lengths) sees the padded ``(B, L, ...)`` shape again.
"""

from dataclasses import dataclass
from typing import Self

import torch

__all__ = ["Packing"]


@dataclass(frozen=True)
class Packing:
    """Where the real tokens of a padded (B, L) batch are."""

    index: torch.Tensor
    """Positions of the real tokens in the flattened batch, ascending, int64 (N,)."""
    batch: int
    """B, the number of sequences."""
    length: int
    """L, the padded length."""

    @classmethod
    def from_mask(cls, mask: torch.Tensor) -> Self:
        """Build the packing of a mask (B, L) that is True at real tokens.

        A row without any keeps all its tokens: attention treats it as if nothing were masked.
        """
        mask = mask | ~mask.any(1, keepdim=True)
        return cls(mask.flatten().nonzero().squeeze(1), mask.shape[0], mask.shape[1])

    @property
    def is_full(self) -> bool:
        """Return whether there is no padding to remove."""
        return len(self.index) == self.batch * self.length

    def pack(self, padded: torch.Tensor) -> torch.Tensor:
        """Drop the padding: (B, L, ...) -> (1, N, ...)."""
        return padded.flatten(0, 1).index_select(0, self.index).unsqueeze(0)

    def unpack(self, packed: torch.Tensor) -> torch.Tensor:
        """Put zeros where the padding was: (1, N, ...) -> (B, L, ...)."""
        flat = packed.new_zeros(self.batch * self.length, *packed.shape[2:])
        return flat.index_copy(0, self.index, packed[0]).unflatten(0, (self.batch, self.length))
