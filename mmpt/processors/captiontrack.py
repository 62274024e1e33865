"""The captions of one video as flat arrays, so that clips can be drawn without a loop over tokens.

Comes in: what a text processor returns, ``{"start": ..., "end": ..., "cap": ...}``. Goes out: times
and one line of tokens with the place where each caption begins, as in a ``ShardedTensor``::

    tokens   w w w w | w w | w w w        caption i is tokens[offsets[i]:offsets[i + 1]]
    offsets  0         4     6       9
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from mmpt.errors import ConfigError, DataError

__all__ = ["CaptionTrack", "check_times", "flatten"]


@dataclass(frozen=True)
class CaptionTrack:
    """Captions of one video in the order of the file.

    Args:
        start: Start of each caption in seconds, float (n,).
        end: End of each caption in seconds, float (n,), not before its start.
        tokens: Token ids of all captions, int (total,).
        offsets: First token of each caption and, last, their number; int64 (n + 1,).
    """

    start: np.ndarray
    end: np.ndarray
    tokens: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.start)

    @classmethod
    def of(cls, text: Mapping[str, Any], video_id: str) -> Self:
        """Read what a text processor returned; the input is left as it is.

        Args:
            text: ``start`` and ``end`` in seconds (n,), and ``cap``: n lists of token ids, or an
                array (n, k) that is padded with negative numbers.
            video_id: Named in errors.

        Raises:
            ConfigError: If it is no such mapping: the text processor does not go with the aligner.
            DataError: If the three differ in length or a time is not a finite number.
        """
        if not isinstance(text, Mapping):
            raise ConfigError(
                f"The aligner draws clips out of captions with times, and dataset.text_processor gives a "
                f"{type(text).__name__} for video '{video_id}'. Choose ShardedTextProcessor or "
                "PKLJSONStrTextProcessor, or DSAligner for single sentences."
            )
        start, end = np.asarray(text["start"]), np.asarray(text["end"])
        tokens, offsets = flatten(text["cap"])
        if not len(start) == len(end) == len(offsets) - 1:
            raise DataError(
                f"The captions of video '{video_id}' have {len(start)} starts, {len(end)} ends and "
                f"{len(offsets) - 1} texts; the numbers must agree."
            )
        check_times(start, end, f"video '{video_id}'")
        return cls(start, np.maximum(start, end), tokens, offsets)

    def within(self, seconds: int, video_id: str) -> "CaptionTrack":
        """Return the captions that can be used with a video: they start inside it and have words.

        Args:
            seconds: Length of the video.
            video_id: Named in errors.

        Raises:
            DataError: If none is left.
        """
        words = self.offsets[1:] - self.offsets[:-1]
        usable = (self.start < seconds) & (words > 0)
        if usable.all() and len(self):
            return self
        if not usable.any():
            raise DataError(
                f"None of the {len(self)} captions of video '{video_id}' has words and starts within its "
                f"{seconds} seconds. Check that its features and captions belong to the same video, "
                "or take it off the list."
            )
        offsets = np.concatenate([[0], np.cumsum(words[usable])])
        return CaptionTrack(
            self.start[usable], self.end[usable], self.tokens[np.repeat(usable, words)], offsets
        )


def flatten(captions: Sequence[Sequence[int]] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Join captions to one line of tokens.

    Args:
        captions: n lists of token ids, or an array (n, k) padded with negative numbers.

    Returns:
        Tokens (total,) and the offsets of the captions, int64 (n + 1,).
    """
    if isinstance(captions, np.ndarray) and captions.ndim == 2:
        is_token = captions >= 0
        lengths = np.count_nonzero(is_token, axis=1)
        tokens = captions[is_token]
    else:
        lengths = np.array([len(caption) for caption in captions], dtype=np.int64)
        tokens = np.array([token for caption in captions for token in caption], dtype=np.int64)
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.add.accumulate(lengths, out=offsets[1:])
    return tokens, offsets


def check_times(start: np.ndarray, end: np.ndarray, where: str) -> None:
    """Check that all times are finite.

    Args:
        start: Start of each caption in seconds, float (n,).
        end: End of each caption in seconds, float (n,).
        where: File and video, named in the error.

    Raises:
        DataError: If one is NaN or infinite, with the number of its caption.
    """
    if not (np.isfinite(start).all() and np.isfinite(end).all()):
        caption = int(np.argmin(np.isfinite(start) & np.isfinite(end)))
        raise DataError(
            f"Caption {caption} of {where} runs from {start[caption]} to {end[caption]} seconds; both must "
            "be numbers. Repair or remove the caption and write the caption file again."
        )
