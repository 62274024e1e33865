"""The aligner of MIL-NCE: a short clip and the captions around it (Miech et al., CVPR 2020, section 3.1).

Speech and picture of a narrated video are often some seconds apart. So a clip gets several captions,
of which one is likely to fit::

    captions    0  1 [2 (3) 4  5] 6        (3) drawn, with its nearest neighbours: 4 candidates
    seconds          ...|-5 s-|...         the time of the drawn caption, 5 s at least
                          [3.2 s]          the clip, anywhere within
"""

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch

from mmpt.config import DatasetConfig
from mmpt.processors.aligners import checked_feature
from mmpt.processors.captiontrack import CaptionTrack
from mmpt.processors.processor import Aligner, name_of
from mmpt.types import Example

__all__ = ["How2MILNCEAligner", "draw_seconds", "nearest_captions"]


class How2MILNCEAligner(Aligner):
    """Draws S short clips of one video with 4 candidate captions each.

    S is ``clip_per_video``, else ``subsampling``, else 1. It goes with ``MILNCETask`` and ``MILNCE``.

    Args:
        config: The ``dataset`` section.
    """

    uses_rng: ClassVar[bool] = True
    num_candidates: ClassVar[int] = 4
    min_time: ClassVar[float] = 5.0
    """Seconds within which a clip is drawn, at least."""
    num_sec: ClassVar[float] = 3.2
    """Length of a clip in seconds; features of started seconds count whole."""

    def __init__(self, config: DatasetConfig) -> None:
        super().__init__(config)
        self.clips = config.clip_per_video or config.subsampling or 1

    def __call__(
        self,
        video_id: Any,
        video_feature: np.ndarray,
        text_feature: Mapping[str, Any],
        *,
        rng: np.random.Generator,
    ) -> Example:
        """Return S clips of a video; ``caps`` and ``cmasks`` are (S, 4, L).

        Args:
            video_id: Name of the video, or a tuple that begins with it.
            video_feature: (seconds, D).
            text_feature: Captions: ``start``, ``end`` in seconds and ``cap``, their token ids.
            rng: Source of all randomness.

        Raises:
            DataError: If the video has no seconds, or no caption with words starts within it.
        """
        name = name_of(video_id)
        feature = checked_feature(video_feature, name)
        track = CaptionTrack.of(text_feature, name).within(len(feature), name)
        centre = rng.integers(len(track), size=self.clips)
        captions = nearest_captions(track, centre, self.num_candidates)
        begin, end = draw_seconds(track, centre, len(feature), self.min_time, self.num_sec, rng)
        lines = captions.ravel()
        caps, cmasks = self.layout.text_clips(track.tokens, track.offsets[lines], track.offsets[lines + 1])
        vfeats, vmasks = self.layout.video_clips([feature], begin, end)
        return Example(
            caps=caps.view(*captions.shape, -1),
            cmasks=cmasks.view(*captions.shape, -1),
            vfeats=vfeats,
            vmasks=vmasks,
            video_id=[name] * self.clips,
            video_start=torch.from_numpy(begin),
            video_end=torch.from_numpy(np.minimum(end, begin + self.layout.max_video_len)),
            text_start=torch.from_numpy(track.start[captions[:, 0]].astype(np.float32)),
            text_end=torch.from_numpy(track.end[captions[:, -1]].astype(np.float32)),
        )


def nearest_captions(track: CaptionTrack, centre: np.ndarray, count: int) -> np.ndarray:
    """Return neighbouring captions of which each next one adds the least time.

    Args:
        track: The captions of a video in order of time.
        centre: Caption to start from, int64 (S,).
        count: Number of captions; the last is repeated if the video has fewer.

    Returns:
        Numbers of captions, ascending, int64 (S, count).
    """
    first, last, final = centre, centre, len(track) - 1
    for _ in range(min(count - 1, final)):
        with_left = track.end[last] - track.start[np.maximum(first - 1, 0)]
        with_right = track.end[np.minimum(last + 1, final)] - track.start[first]
        left = (first > 0) & ((last == final) | (with_left <= with_right))
        first, last = first - left, last + ~left
    return np.minimum(first[:, None] + np.arange(count), last[:, None])


def draw_seconds(
    track: CaptionTrack,
    caption: np.ndarray,
    seconds: int,
    min_time: float,
    num_sec: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a short clip within the time of each caption.

    Args:
        track: The captions of a video.
        caption: Number of a caption, int64 (S,).
        seconds: Length of the video.
        min_time: A shorter caption is widened to both sides to this many seconds.
        num_sec: Length of the clips in seconds, rounded up; less if the video is shorter.
        rng: Source of all randomness.

    Returns:
        First second and second after the last, int64 (S,).
    """
    start, end = track.start[caption].astype(np.float64), track.end[caption].astype(np.float64)
    widen = np.maximum(min_time - (end - start), 0) / 2
    start, end = start - widen, end + widen
    latest = np.maximum(end - num_sec, start)
    length = math.ceil(num_sec)
    begin = np.floor(start + rng.random(len(start)) * (latest - start)).astype(np.int64)
    begin = np.clip(begin, 0, max(seconds - length, 0))
    return begin, np.minimum(begin + length, seconds)
