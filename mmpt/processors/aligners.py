"""The aligners of pre-training: clips of one narrated video.

Each is a clip sampler and the sequence layout put together; the classes differ in the sampler only:

====================  =======================  ===============  ===========================
aligner               text limit of a clip     grows around     video of a clip
====================  =======================  ===============  ===========================
FixedLenAligner       what the layout takes    random caption   the seconds of its captions
VariedLenAligner      drawn                    random caption   the seconds of its captions
StartClipAligner      drawn                    first caption    the seconds of its captions
OverlappedAligner     drawn                    random caption   drawn length around a moment
====================  =======================  ===============  ===========================

"Drawn" text limits lie in [sampled_min_len, sampled_max_len] words, drawn video lengths in
[sampled_video_min_len, sampled_video_max_len] seconds.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch

from mmpt.config import DatasetConfig
from mmpt.errors import ConfigError, DataError
from mmpt.processors.captiontrack import CaptionTrack
from mmpt.processors.clip_sampling import Clips, ClipSampler
from mmpt.processors.processor import Aligner, name_of
from mmpt.types import Example

__all__ = [
    "ClipAligner",
    "FixedLenAligner",
    "OverlappedAligner",
    "StartClipAligner",
    "VariedLenAligner",
    "checked_feature",
]


class ClipAligner(Aligner):
    """Draws S clips of one video; S is ``clip_per_video``, else ``subsampling``, else 1.

    Args:
        config: The ``dataset`` section.
    """

    uses_rng: ClassVar[bool] = True

    def __init__(self, config: DatasetConfig) -> None:
        super().__init__(config)
        self.clips = config.clip_per_video or config.subsampling or 1
        self.sampler = self.make_sampler(config)

    def make_sampler(self, config: DatasetConfig) -> ClipSampler:
        """Return the sampler of this aligner."""
        raise NotImplementedError

    def __call__(
        self, video_id: Any, video_feature: Any, text_feature: Any, *, rng: np.random.Generator
    ) -> Example:
        """Return S clips of a video.

        Args:
            video_id: Name of the video, or a tuple that begins with it.
            video_feature: (seconds, D).
            text_feature: Captions: ``start``, ``end`` in seconds and ``cap``, their token ids.
            rng: Source of all randomness.

        Returns:
            Tensors with a leading S; ``video_id`` once per clip.

        Raises:
            DataError: If the video has no seconds, or no caption with words starts within it.
        """
        return self.align([video_id], [video_feature], [text_feature], rng)

    def align(
        self,
        video_ids: Sequence[Any],
        video_features: Sequence[np.ndarray],
        text_features: Sequence[Mapping[str, Any]],
        rng: np.random.Generator,
    ) -> Example:
        """Return S clips of each of N videos, tensors with a leading N * S; see :meth:`__call__`."""
        names = [name_of(video_id) for video_id in video_ids]
        features = [
            checked_feature(feature, name) for feature, name in zip(video_features, names, strict=True)
        ]
        drawn, texts = [], []
        for name, feature, text in zip(names, features, text_features, strict=True):
            track = CaptionTrack.of(text, name).within(len(feature), name)
            clips = self.sampler(track, len(feature), self.clips, rng)
            begin, end = track.offsets[clips.first_caption], track.offsets[clips.last_caption + 1]
            drawn.append(clips)
            texts.append(self.layout.text_clips(track.tokens, begin, end))
        clips = Clips.join(drawn)
        caps, cmasks = texts[0] if len(texts) == 1 else map(torch.cat, zip(*texts, strict=True))
        vfeats, vmasks = self.layout.video_clips(features, clips.begin, clips.end)
        return Example(
            caps=caps,
            cmasks=cmasks,
            vfeats=vfeats,
            vmasks=vmasks,
            video_id=[name for name in names for _ in range(self.clips)],
            video_start=torch.from_numpy(clips.begin),
            video_end=torch.from_numpy(np.minimum(clips.end, clips.begin + self.layout.max_video_len)),
            text_start=torch.from_numpy(clips.text_start),
            text_end=torch.from_numpy(clips.text_end),
        )


class FixedLenAligner(ClipAligner):
    """Clips of as much text as the layout takes, with the video of these captions."""

    def make_sampler(self, config: DatasetConfig) -> ClipSampler:
        """Return a sampler with one text limit."""
        return ClipSampler((self.layout.max_words, self.layout.max_words), max_span=config.max_span)


class VariedLenAligner(ClipAligner):
    """Clips of random text length, with the video of these captions."""

    def make_sampler(self, config: DatasetConfig) -> ClipSampler:
        """Return a sampler with a drawn text limit."""
        return ClipSampler(_bounds(config, "sampled", self), max_span=config.max_span)


class StartClipAligner(ClipAligner):
    """As VariedLenAligner, always from the first caption on."""

    def make_sampler(self, config: DatasetConfig) -> ClipSampler:
        """Return a sampler that starts at the first caption."""
        return ClipSampler(_bounds(config, "sampled", self), random_centre=False, max_span=config.max_span)


class OverlappedAligner(ClipAligner):
    """Text clips of random length and video clips of random length that overlap them (VideoCLIP)."""

    def make_sampler(self, config: DatasetConfig) -> ClipSampler:
        """Return a sampler with a drawn text limit and a drawn video length."""
        words, seconds = _bounds(config, "sampled", self), _bounds(config, "sampled_video", self)
        return ClipSampler(words, seconds, max_span=config.max_span)


def _bounds(config: DatasetConfig, prefix: str, user: object) -> tuple[int, int]:
    low, high = config.get(f"{prefix}_min_len"), config.get(f"{prefix}_max_len")
    if low is None or high is None:
        raise ConfigError(
            f"{type(user).__name__} needs dataset.{prefix}_min_len and dataset.{prefix}_max_len; "
            f"given: {low} and {high}."
        )
    return low, high


def checked_feature(feature: np.ndarray, name: str) -> np.ndarray:
    """Return the features of video ``name`` as an array (seconds, D).

    Raises:
        DataError: If they have another shape or no second.
    """
    feature = np.asarray(feature)
    if feature.ndim != 2 or not len(feature):
        raise DataError(
            f"The features of video '{name}' have shape {feature.shape}; (seconds, D) is expected."
        )
    return feature
