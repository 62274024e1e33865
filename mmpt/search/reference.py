"""What a score is compared with: the scores that this index gives to queries that mean nothing to it.

The percentile of a moment is the share, in percent, of the pairs (one of :data:`SENTENCES`, a second of the
index) whose score is lower; that of a similar video, the share of the pairs (a video, another video of the
index). At most :data:`MOST_ROWS` seconds and :data:`MOST_VIDEOS` videos are taken, evenly spaced over
the index in the order of ids. So 99.9 says: with a sentence taken at random, one second of a thousand scores
as high.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save_file

from mmpt.errors import DataError
from mmpt.search.manifest import DAMAGED
from mmpt.utils.files import share_by_umask

__all__ = ["MOST_ROWS", "MOST_VIDEOS", "SENTENCES", "Reference"]

_WHO = ("a person", "a woman", "a man", "someone", "two people", "a child", "an animal", "a machine")
_WHAT = (
    "is talking to the camera",
    "is working with both hands",
    "is walking outside",
    "is cutting something into pieces",
    "is preparing food in a kitchen",
    "moves across the picture",
    "is playing with a ball",
    "puts one thing on top of another",
)
SENTENCES = tuple(f"{who} {what}" for who in _WHO for what in _WHAT)
"""64 sentences of everyday life."""
MOST_ROWS, MOST_VIDEOS = 20_000, 2_000
_STEPS = 10_000
"""Percentiles are told to a hundredth."""


@dataclass(frozen=True)
class Reference:
    """Scores in ascending order, evenly spaced among all: element k is reached by k / 10 000 of them."""

    text: np.ndarray
    """Of sentences and seconds."""
    video: np.ndarray
    """Of videos and other videos."""

    @classmethod
    def of(
        cls, encode: Callable[[Sequence[str]], torch.Tensor], seconds: torch.Tensor, videos: torch.Tensor
    ) -> Self:
        """Compute the scores.

        Args:
            encode: From sentences to vectors (N, D).
            seconds: (S, D), at least one.
            videos: (V, D), at least one.
        """
        texts = encode(SENTENCES).float().cpu()
        others = videos.float()
        between = others @ others.T
        between = between[~torch.eye(len(others), dtype=torch.bool)] if len(others) > 1 else between
        return cls(_quantiles(texts @ seconds.float().T), _quantiles(between))

    def percentile(self, score: float, among: str) -> float:
        """Return the share of reference scores below ``score``, in percent.

        Args:
            score: A dot product.
            among: ``"text"`` or ``"video"``.
        """
        scores = self.text if among == "text" else self.video
        return 100 * int(np.searchsorted(scores, np.float32(score))) / len(scores)

    def save(self, path: Path) -> None:
        """Write the scores."""
        save_file({"text": torch.from_numpy(self.text), "video": torch.from_numpy(self.video)}, path)
        share_by_umask(path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            FileNotFoundError: If it is not there.
            DataError: If it is damaged.
        """
        try:
            tensors = load(path.read_bytes())
            return cls(tensors["text"].numpy(), tensors["video"].numpy())
        except (SafetensorError, KeyError) as error:
            raise DataError(f"The file {path} cannot be read ({error}); {DAMAGED}") from error


def _quantiles(scores: torch.Tensor) -> np.ndarray:
    ordered = np.sort(scores.flatten().numpy())
    return ordered[np.linspace(0, len(ordered) - 1, min(_STEPS, len(ordered))).astype(np.int64)]
