"""CrossTask (Zhukov et al., CVPR 2019): where in the video does each step of its task happen?

The files are read in :mod:`mmpt.processors.downstream.crosstask_files`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmpt.config import DatasetConfig
from mmpt.processors.downstream.crosstask_files import annotation_file, read_annotation
from mmpt.processors.processor import Aligner
from mmpt.processors.textfiles import needed
from mmpt.processors.windows import SlidingWindows, covered_seconds
from mmpt.types import LocalizationExample

__all__ = ["CrossTaskAligner"]


class CrossTaskAligner(Aligner):
    """Cuts a video into windows and puts it beside the steps of its task.

    Args:
        config: The ``dataset`` section: ``annotation_path``, ``sliding_window``, ``sliding_window_size``.
    """

    def __init__(self, config: DatasetConfig) -> None:
        super().__init__(config)
        self.annotation_path = Path(needed(config, "annotation_path", self))
        self.windows = SlidingWindows.of(config, self)

    def __call__(
        self, video_id: Sequence[Any], video_feature: np.ndarray, text_feature: Sequence[Sequence[int]]
    ) -> LocalizationExample:
        """Return all windows of one video and all steps of its task.

        Args:
            video_id: (task id, name of the video); anything after it is ignored.
            video_feature: (seconds, D).
            text_feature: Token ids of each step, in the order of the task.

        Raises:
            DataError: If the annotation is missing or a row of it is malformed.
        """
        task_id, video = video_id[0], video_id[1]
        seconds = len(video_feature)
        begin, end = self.windows.bounds(seconds)
        vfeats, vmasks = self.layout.video_clips([video_feature], begin, end)
        texts = [self._build_text_seq(step) for step in text_feature]
        caps, cmasks = (torch.stack(parts) for parts in zip(*texts, strict=True))
        video_targets = torch.zeros(seconds, len(text_feature))
        annotation = annotation_file(self.annotation_path, task_id, video)
        for row in read_annotation(annotation, len(text_feature)):
            video_targets[covered_seconds(row.start, row.end, seconds), row.step] = 1.0
        return LocalizationExample(
            caps=caps,
            cmasks=cmasks,
            vfeats=vfeats,
            vmasks=vmasks,
            targets=video_targets[torch.from_numpy(self.windows.seconds(seconds))],
            video_targets=video_targets,
            video_len=seconds,
            task_id=task_id,
            video_id=video,
        )
