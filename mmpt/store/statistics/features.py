"""The numbers themselves: whether the vectors of some videos look like features of moving pictures."""

import hashlib
from dataclasses import dataclass, field

import numpy as np

from mmpt.store.statistics.distribution import Distribution

__all__ = ["FeatureStatistics"]

STILL = 1e-3
"""Greatest difference of two vectors, relative to their length, that counts as the same picture."""


@dataclass
class FeatureStatistics:
    """What was found in the vectors of the videos that were read."""

    normalized: bool | None = None
    """Whether the meta file says that vectors have length 1."""
    videos: int = 0
    still: Distribution = field(default_factory=lambda: Distribution(0.01, 101))
    """Share of a video's seconds whose vector is that of the second before."""
    length: Distribution = field(default_factory=lambda: Distribution(0.01))
    """Length (Euclidean norm) of a vector."""
    suspicious: dict[str, list[str]] = field(default_factory=dict)
    """What is odd -> ids of the videos."""

    def add(self, video_id: str, rows: np.ndarray, seen: dict[bytes, str]) -> None:
        """Look at a video.

        Args:
            video_id: Its id.
            rows: Its features, (seconds, D).
            seen: Fingerprint -> id of the videos so far, of this and other splits; grows.
        """
        self.videos += 1
        if not len(rows):
            return
        known = seen.setdefault(hashlib.sha256(np.ascontiguousarray(rows).data).digest(), video_id)
        rows = rows.astype(np.float32)
        finite = np.isfinite(rows).all()
        norms = np.linalg.norm(rows, axis=1)
        change = np.linalg.norm(np.diff(rows, axis=0), axis=1)
        still = change <= STILL * np.maximum(norms[1:], 1e-6)
        if finite:
            self.length.add(norms)
            self.still.add(np.array([still.mean()]) if len(still) else np.zeros(0))
        for reason, found in {
            "whose features hold NaN or infinity": not finite,
            "with vectors of zeros": finite and (norms == 0).any(),
            "whose vectors do not have length 1": finite
            and bool(self.normalized)
            and (np.abs(norms[norms > 0] - 1) > 0.01).any(),
            "whose vector never changes": len(still) > 4 and still.all(),
            "with the features of another video": known != video_id,
        }.items():
            self.suspicious.setdefault(reason, []).extend([video_id] * bool(found))
