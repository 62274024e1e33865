"""The one sequence layout of the toolkit, ``[CLS] video [SEP] text [SEP] [PAD]``, in stored form.

Comes in: token ids and features of any length. Goes out: arrays of fixed shape::

    caps    [CLS] [SEP] w1 ... wn [SEP] [PAD] ...    L = max_len - max_video_len positions
    cmasks    1     1    1 ...  1   1     0   ...
    vfeats    f1 ... fm  0 ...                       T = max_video_len seconds
    vmasks    1  ...  1  0 ...

The encoders insert the video between the two special tokens. At most ``L - 3`` words and ``T``
seconds are kept, from the beginning. Everything works on many clips at once, without a loop over
tokens. Inputs are never written to.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mmpt.errors import ConfigError

__all__ = ["SequenceLayout"]

_SPECIALS = 3  # [CLS], [SEP] after the video, [SEP] after the text


@dataclass(frozen=True)
class SequenceLayout:
    """Lengths and special tokens of a model input.

    Args:
        max_video_len: T, seconds of video.
        max_len: Length of the whole sequence.
        cls_token_id: Id of ``[CLS]``.
        sep_token_id: Id of ``[SEP]``.
        pad_token_id: Id of ``[PAD]``.

    Raises:
        ConfigError: If no word fits beside the video.
    """

    max_video_len: int
    max_len: int
    cls_token_id: int
    sep_token_id: int
    pad_token_id: int

    def __post_init__(self) -> None:
        if self.max_video_len < 1 or self.max_words < 1:
            raise ConfigError(
                f"dataset.max_len {self.max_len} leaves {self.max_words} words of text beside "
                f"dataset.max_video_len {self.max_video_len} seconds and {_SPECIALS} special tokens; "
                f"both must be at least 1. Raise max_len to {self.max_video_len + _SPECIALS + 1} or more."
            )

    @property
    def text_len(self) -> int:
        """L, positions of the stored text."""
        return self.max_len - self.max_video_len

    @property
    def max_words(self) -> int:
        """Most word tokens of one text: L without the special tokens."""
        return self.text_len - _SPECIALS

    def text_clips(
        self, tokens: np.ndarray, begin: np.ndarray, end: np.ndarray
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Cut S texts out of one line of tokens.

        Args:
            tokens: Token ids (n,) without special tokens.
            begin: First token of each clip, int64 (S,).
            end: Token after the last of each clip, int64 (S,).

        Returns:
            ``caps`` int64 (S, L) and ``cmasks`` bool (S, L).
        """
        clips, budget = len(begin), self.max_words
        words = np.minimum(end - begin, budget)
        position = np.arange(budget)
        is_word = position < words[:, None]  # (S, L - 3)
        caps = np.full((clips, self.text_len), self.pad_token_id, dtype=np.int64)
        caps[:, 0] = self.cls_token_id
        caps[:, 1] = self.sep_token_id
        caps[:, 2:-1][is_word] = tokens[(begin[:, None] + position)[is_word]]
        caps[np.arange(clips), 2 + words] = self.sep_token_id
        cmasks = np.arange(self.text_len) < (words + _SPECIALS)[:, None]
        return torch.from_numpy(caps), torch.from_numpy(cmasks)

    def video_clips(
        self, features: Sequence[np.ndarray], begin: np.ndarray, end: np.ndarray
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Cut S clips out of each of N videos.

        Args:
            features: Features of whole videos, N arrays (seconds, D), float16 or float32.
            begin: First second of each clip, video after video, int64 (N * S,).
            end: Second after the last of each clip, int64 (N * S,).

        Returns:
            ``vfeats`` float32 (N * S, T, D) and ``vmasks`` bool (N * S, T).
        """
        seconds = np.minimum(end - begin, self.max_video_len)
        shape = (len(begin), self.max_video_len, features[0].shape[1])
        # Rows are gathered in the stored dtype and converted once: numpy's float16 conversion
        # takes five times as long as torch's.
        rows = np.zeros(shape, dtype=np.result_type(*features))
        clips_per_video = len(begin) // len(features)
        sources = [feature for feature in features for _ in range(clips_per_video)]
        for clip, feature, first, count in zip(rows, sources, begin.tolist(), seconds.tolist(), strict=True):
            clip[:count] = feature[first : first + count]
        vmasks = np.arange(self.max_video_len) < seconds[:, None]
        return torch.from_numpy(rows).float(), torch.from_numpy(vmasks)
