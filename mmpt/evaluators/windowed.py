"""What predictors of long videos share: windows overlap, and a second is what its windows say on average."""

from collections.abc import Mapping
from typing import Any

import torch

from mmpt.config import TaskConfig
from mmpt.errors import ConfigError, DataError
from mmpt.evaluators.predictor import Predictor
from mmpt.processors.windows import SlidingWindows

__all__ = ["WindowedPredictor"]


class WindowedPredictor(Predictor):
    """Base of the predictors whose batch is all windows of one video.

    Args:
        config: The task: ``dataset.sliding_window`` and ``dataset.sliding_window_size``.

    Raises:
        ConfigError: If these are missing or do not fit.
    """

    def __init__(self, config: TaskConfig) -> None:
        super().__init__(config)
        self.windows = SlidingWindows.of(config.dataset, self)

    def per_second(self, batch: Mapping[str, Any], rows: torch.Tensor) -> torch.Tensor:
        """Return the average of the rows that are about the same second.

        Args:
            batch: The batch of one video: ``video_len``, ``video_id``.
            rows: A row per valid second of each window, windows joined in order, (rows, C).

        Returns:
            float32 (seconds, C) on the CPU.

        Raises:
            ConfigError: If the batch holds several videos.
            DataError: If the rows are not those of the windows, or hold NaN.
        """
        if len(batch["video_len"]) != 1:
            raise ConfigError(
                f"A batch holds {len(batch['video_len'])} videos and {type(self).__name__} takes one "
                "at a time. Set fairseq.dataset.batch_size to 1."
            )
        length, name = int(batch["video_len"][0]), batch["video_id"][0]
        rows, expected = rows.float().cpu(), len(self.windows.seconds(length))
        if len(rows) != expected:
            raise DataError(
                f"The model returned {len(rows)} rows for video '{name}'; windows of {self.windows.size} "
                f"every {self.windows.stride} seconds over its {length} seconds make {expected}. "
                "Use the aligner that belongs to the predictor."
            )
        if not rows.isfinite().all():
            raise DataError(
                f"The outputs for video '{name}' hold NaN or infinity. "
                "Look for NaN in its feature file and in the weights of the checkpoint."
            )
        return self.windows.average(rows, length)
