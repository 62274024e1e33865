"""Which captions and which seconds make a clip: pure functions over a random generator.

Comes in: the captions and the length of one video. Goes out: S clips, each a run of neighbouring
captions and a run of seconds. All S clips are drawn at once. A text clip grows around a centre::

    captions   0  1 [2  3 (4) 5] 6  7      (4) centre, a coin decides each step: left or right

A side that is used up leaves its steps to the other one. So after k steps with A heads the clip has
``clip(A, k - room_right, room_left)`` captions left of its centre, and no loop is needed.

Overlapped sampling is that of VideoCLIP (Xu et al., EMNLP 2021, section 3.2): the centre of the
video clip is a moment inside the text clip, so that the two overlap without being cut alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mmpt.errors import ConfigError
from mmpt.processors.captiontrack import CaptionTrack

__all__ = ["ClipSampler", "Clips", "grow_text", "grow_video", "seconds_of_captions"]

_FEW = 15
"""Steps after which most text clips have as many words as they may."""


class Clips(NamedTuple):
    """S clips of one video."""

    first_caption: np.ndarray
    """int64 (S,)."""
    last_caption: np.ndarray
    """Inclusive, int64 (S,)."""
    begin: np.ndarray
    """First second of video, int64 (S,)."""
    end: np.ndarray
    """Second after the last, int64 (S,)."""
    text_start: np.ndarray
    """Start of the first caption in seconds, float32 (S,)."""
    text_end: np.ndarray
    """End of the last caption in seconds, float32 (S,)."""

    @classmethod
    def join(cls, parts: Sequence["Clips"]) -> "Clips":
        """Return the clips of several videos, video after video."""
        return parts[0] if len(parts) == 1 else cls(*map(np.concatenate, zip(*parts, strict=True)))


@dataclass(frozen=True)
class ClipSampler:
    """Draws clips of one video; an aligner is such a sampler and a sequence layout.

    Args:
        words: Bounds, inclusive, between which the text length limit of each clip is drawn.
        seconds: Bounds, inclusive, of the length of a video clip that overlaps the text; None takes
            the seconds of the chosen captions instead.
        random_centre: Grow around a random caption; otherwise around the first.
        max_span: Seconds after which a text clip stops growing.

    Raises:
        ConfigError: If bounds are below 1 or in the wrong order.
    """

    words: tuple[int, int]
    seconds: tuple[int, int] | None = None
    random_centre: bool = True
    max_span: float = 256.0

    def __post_init__(self) -> None:
        for what, bounds in (("text", self.words), ("video", self.seconds)):
            if bounds is not None and not 1 <= bounds[0] <= bounds[1]:
                raise ConfigError(
                    f"The {what} length of a clip is to be drawn between {bounds[0]} and {bounds[1]}; "
                    "the first must be at least 1 and not above the second. Check the keys "
                    f"dataset.sampled_{'video_' if what == 'video' else ''}min_len and ..._max_len."
                )

    def __call__(self, track: CaptionTrack, seconds: int, clips: int, rng: np.random.Generator) -> Clips:
        """Draw ``clips`` clips.

        Args:
            track: Captions, all of which start within the video.
            seconds: Length of the video.
            clips: S.
            rng: Source of all randomness.
        """
        # One call for all numbers: several calls for 16 numbers each take three times as long.
        chance = rng.random((4, clips))
        limit = _between(chance[0], *self.words)
        centre = _between(chance[1], 0, len(track) - 1 if self.random_centre else 0)
        first, last = grow_text(track, centre, limit, self.max_span, rng)
        begin, end = seconds_of_captions(track, first, last, seconds)
        if self.seconds is not None:
            moment = _between(chance[2], begin, np.minimum(end, seconds - 1))
            length = _between(chance[3], *self.seconds)
            begin, end = grow_video(moment, np.minimum(length, seconds), seconds, rng)
        text_start, text_end = track.start[first], track.end[last]
        return Clips(first, last, begin, end, text_start.astype(np.float32), text_end.astype(np.float32))


def grow_text(
    track: CaptionTrack, centre: np.ndarray, limit: np.ndarray, max_span: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Grow text clips caption by caption, to a random side, while they are short in words and time.

    The caption that reaches the limit is kept whole; the sequence layout cuts what is too much.

    Args:
        track: Captions, each with at least one word.
        centre: Caption to start from, int64 (S,).
        limit: A clip with this many words or more grows no further, int64 (S,).
        max_span: A clip of this many seconds or more grows no further.
        rng: Source of all randomness.

    Returns:
        First and last caption of each clip, both inclusive, int64 (S,).
    """
    step = np.arange(_most_steps(track, int(limit.max())) + 1)
    coins = rng.random((len(centre), len(step))) < 0.5
    coins[:, 0] = False  # column k is about k steps
    heads = np.add.accumulate(coins.view(np.int8), axis=1, dtype=np.int64)
    first = centre[:, None] - _left_of(centre[:, None], heads, step, len(track))  # (S, steps + 1)
    last = first + step
    words = track.offsets[1:][last] - track.offsets[first]
    span = track.end[last] - track.start[first]
    done = (words >= limit[:, None]) | (span >= max_span)
    done[:, -1] = True
    clip, stop = np.arange(len(centre)), done.argmax(axis=1)
    first = first[clip, stop]
    return first, first + stop


def grow_video(
    centre: np.ndarray, length: np.ndarray, seconds: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Grow video clips second by second, to a random side, to a given length.

    Args:
        centre: Second to start from, int64 (S,).
        length: Seconds of each clip, 1 to ``seconds``, int64 (S,).
        seconds: Length of the video.
        rng: Source of all randomness.

    Returns:
        First second and second after the last, int64 (S,).
    """
    step = length - 1
    # Coins that are counted: rng.binomial takes ten times as long when every clip has its own number.
    coins = rng.random((len(step), max(int(step.max()), 1))) < 0.5
    heads = (coins & (np.arange(coins.shape[1]) < step[:, None])).sum(axis=1)
    begin = centre - _left_of(centre, heads, step, seconds)
    return begin, begin + length


def seconds_of_captions(
    track: CaptionTrack, first: np.ndarray, last: np.ndarray, seconds: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the seconds that runs of captions cover, clipped to the video; one second at least.

    Args:
        track: Captions, all of which start before ``seconds``.
        first: First caption of each run, int64 (S,).
        last: Last caption of each run, inclusive, int64 (S,).
        seconds: Length of the video.

    Returns:
        Floor of the start and ceiling of the end, int64 (S,).
    """
    # np.clip says the same and takes three times as long on arrays this small.
    begin = np.minimum(np.maximum(track.start[first], 0).astype(np.int64), seconds - 1)
    end = np.minimum(np.maximum(np.ceil(track.end[last]).astype(np.int64), begin + 1), seconds)
    return begin, end


def _most_steps(track: CaptionTrack, limit: int) -> int:
    """Return a number of steps after which no clip is short of ``limit`` words or can grow.

    Every caption has a word, so ``limit - 1`` steps do. Mostly a few do, which is cheap to see.
    """
    steps = min(len(track) - 1, limit - 1)
    if steps > _FEW and (track.offsets[_FEW + 1 :] - track.offsets[: -_FEW - 1]).min() >= limit:
        return _FEW
    return steps


def _between(chance: np.ndarray, low: int | np.ndarray, high: int | np.ndarray) -> np.ndarray:
    """Turn numbers in [0, 1) into whole numbers from ``low`` to ``high``, both inclusive."""
    return low + (chance * (high - low + 1)).astype(np.int64)


def _left_of(centre: np.ndarray, heads: np.ndarray, step: np.ndarray, size: int) -> np.ndarray:
    """How far left of its centre a run of ``step + 1`` out of ``size`` places reaches."""
    return np.minimum(np.maximum(heads, step - (size - 1 - centre)), centre)
