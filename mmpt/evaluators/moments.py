"""Search for moments: which seconds of which video answer a text.

Comes in: the features of each video, and the function that embeds a clip into the space of the texts.
Goes out: moments ``(video, start, end, score)``, best first, without near-duplicates.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from mmpt.errors import DataError

__all__ = ["Moment", "MomentIndex", "overlap", "window_starts"]

ClipEncoder = Callable[[Sequence[torch.Tensor]], torch.Tensor]
"""Clips, each float32 (T, D) with its own T, to their vectors (number of clips, hidden)."""


class Moment(NamedTuple):
    """One answer: seconds ``start`` to ``end`` of a video, and how well they match."""

    video_id: str
    start: float
    end: float
    score: float


def overlap(a: Moment, b: Moment) -> float:
    """Return intersection over union of two moments in time; 0 if they are of different videos."""
    if a.video_id != b.video_id:
        return 0.0
    shared = min(a.end, b.end) - max(a.start, b.start)
    union = max(a.end, b.end) - min(a.start, b.start)
    return max(shared, 0.0) / union if union > 0 else 0.0


def window_starts(seconds: int, length: int, stride: int) -> list[int]:
    """Return the first second of each window; the last window ends with the video.

    A video shorter than ``length`` is one window. For 10 seconds, length 4 and stride 4::

        0123456789
        ffff          0
            ffff      4
              ffff    6
    """
    if seconds <= length:
        return [0]
    starts = list(range(0, seconds - length + 1, stride))
    return starts if starts[-1] == seconds - length else [*starts, seconds - length]


@dataclass(frozen=True)
class MomentIndex:
    """Vectors of all windows of all videos; small enough to compare with every query.

    Attributes:
        moments: One per window, score 0.
        vectors: float32 (number of windows, hidden), in the same order.
    """

    moments: Sequence[Moment]
    vectors: NDArray[np.float32]

    @classmethod
    def build(
        cls,
        features: Mapping[str, NDArray],
        encode: ClipEncoder,
        *,
        length: int = 4,
        stride: int = 1,
        batch_size: int = 256,
    ) -> "MomentIndex":
        """Embed a window of ``length`` seconds every ``stride`` seconds of every video.

        Args:
            features: Video id -> features (T, D), one row per second.
            encode: Embeds clips of at most ``length`` seconds, such as ``MMPTModel.encode_video``.
            length: Seconds of one window.
            stride: Seconds from one window to the next.
            batch_size: Windows embedded at once.

        Raises:
            DataError: If there is no video, or one without any second.
        """
        empty = [video_id for video_id, rows in features.items() if len(rows) == 0]
        if empty or not features:
            what = f"The features of video '{empty[0]}' hold no second" if empty else "No video was given"
            raise DataError(f"{what}; a search needs at least one second of video.")
        moments = [
            Moment(video_id, start, min(start + length, len(rows)), 0.0)
            for video_id, rows in features.items()
            for start in window_starts(len(rows), length, stride)
        ]
        vectors = [
            _to_numpy(encode([_clip(features[moment.video_id], moment) for moment in batch]))
            for batch in _batches(moments, batch_size)
        ]
        return cls(moments, np.concatenate(vectors))

    def search(
        self,
        query: NDArray | torch.Tensor,
        top_k: int = 3,
        *,
        max_overlap: float = 0.3,
        per_video: int | None = None,
    ) -> list[Moment]:
        """Return the ``top_k`` best moments for one query, best first.

        Windows are taken greedily; one that overlaps an earlier answer of the same video too much
        is passed over (non-maximum suppression). Equal scores keep the order of the index.

        Args:
            query: Vector of the text (hidden,); the score is the dot product.
            top_k: Number of answers.
            max_overlap: Largest intersection over union with an earlier answer.
            per_video: At most so many answers from one video; None for no limit.
        """
        scores = self.vectors @ _to_numpy(query)
        answers: list[Moment] = []
        for position in np.argsort(-scores, kind="stable"):
            moment = self.moments[position]._replace(score=float(scores[position]))
            same_video = [answer for answer in answers if answer.video_id == moment.video_id]
            if per_video is not None and len(same_video) >= per_video:
                continue
            if any(overlap(answer, moment) > max_overlap for answer in same_video):
                continue
            answers.append(moment)
            if len(answers) == top_k:
                break
        return answers


def _clip(rows: NDArray, moment: Moment) -> torch.Tensor:
    # A copy: features may be float16, and mapped read-only from a shard.
    return torch.tensor(rows[int(moment.start) : int(moment.end)], dtype=torch.float32)


def _to_numpy(vectors: NDArray | torch.Tensor) -> NDArray[np.float32]:
    return torch.as_tensor(vectors).float().cpu().numpy()


def _batches(items: Sequence[Moment], size: int) -> Iterator[Sequence[Moment]]:
    for first in range(0, len(items), size):
        yield items[first : first + size]
