"""Sliding windows: how a video that is longer than a model's input is cut, and covered completely.

Windows of ``sliding_window_size`` seconds start every ``sliding_window`` seconds; the first one that
reaches the end of the video is the last. A video no longer than one window has one. For 25 seconds,
windows of 8 every 4::

    0..8  4..12  8..16  12..20  16..24  20..25
"""

from dataclasses import dataclass

import numpy as np
import torch

from mmpt.config import DatasetConfig
from mmpt.errors import ConfigError
from mmpt.processors.textfiles import needed

__all__ = ["UNCOVERED", "SlidingWindows", "covered_seconds", "covers_nothing"]

UNCOVERED = "annotated spans that cover no second of the video's features"
"""Reason for which spans have no effect, see ``MetaProcessor.ignored``."""


@dataclass(frozen=True)
class SlidingWindows:
    """How videos are cut into windows.

    Args:
        size: Seconds of a window.
        stride: Seconds between the starts of two windows.

    Raises:
        ConfigError: If windows are empty, or would leave seconds between them uncovered.
    """

    size: int
    stride: int

    def __post_init__(self) -> None:
        if not 1 <= self.stride <= self.size:
            raise ConfigError(
                f"dataset.sliding_window is {self.stride} and dataset.sliding_window_size {self.size}; "
                "1 <= sliding_window <= sliding_window_size is expected, or seconds between windows are lost."
            )

    @classmethod
    def of(cls, config: DatasetConfig, user: object) -> "SlidingWindows":
        """Return the windows of a ``dataset`` section.

        Raises:
            ConfigError: If a key is not set, or a window is longer than ``max_video_len``.
        """
        windows = cls(needed(config, "sliding_window_size", user), needed(config, "sliding_window", user))
        if windows.size > config.max_video_len:
            raise ConfigError(
                f"dataset.sliding_window_size {windows.size} is more than dataset.max_video_len "
                f"{config.max_video_len}, the seconds that the model takes. Lower it, or raise max_video_len."
            )
        return windows

    def bounds(self, seconds: int) -> tuple[np.ndarray, np.ndarray]:
        """Return first seconds and seconds after the last of all windows, int64 (W,) each.

        Args:
            seconds: Length of the video, at least 1.
        """
        count = 1 + max(0, -(-(seconds - self.size) // self.stride))
        begin = self.stride * np.arange(count, dtype=np.int64)
        return begin, np.minimum(begin + self.size, seconds)

    def seconds(self, seconds: int) -> np.ndarray:
        """Return which second each row is about when the windows are joined, int64 (rows,)."""
        return np.concatenate(
            [np.arange(first, last) for first, last in zip(*self.bounds(seconds), strict=True)]
        )

    def average(self, rows: torch.Tensor, seconds: int) -> torch.Tensor:
        """Return the mean of the rows that are about the same second, (seconds, C).

        Args:
            rows: One per second of each window, windows joined in order, (rows, C).
            seconds: Length of the video.
        """
        places = torch.from_numpy(self.seconds(seconds)).to(rows.device)
        total = rows.new_zeros(seconds, rows.shape[1]).index_add_(0, places, rows)
        return total / torch.bincount(places, minlength=seconds).to(rows)[:, None]


def covered_seconds(start: float, end: float, seconds: int) -> slice:
    """Return the seconds of a video that a segment touches: floor(start) ... ceil(end), inside the video."""
    first, last = int(np.floor(start)), int(np.ceil(end))
    return slice(min(max(first, 0), seconds), min(max(last, 0), seconds))


def covers_nothing(start: float, end: float, seconds: int) -> bool:
    """Return whether a segment touches no second of a video: it lies behind its end, or is empty."""
    covered = covered_seconds(start, end, seconds)
    return covered.start >= covered.stop
