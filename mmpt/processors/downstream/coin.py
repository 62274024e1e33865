"""COIN (Tang et al., CVPR 2019): instructional videos of all lengths; which action is each second?

File: ``COIN.json``, ``database.<video>.{subset, annotation: [{id, label, segment}, ...]}``; ``subset``
is ``training`` or ``testing``. Class 0 is the background, "O"; the 778 actions have ids from 1.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from mmpt.config import DatasetConfig
from mmpt.errors import DataError
from mmpt.processors.processor import Aligner
from mmpt.processors.windows import SlidingWindows, covered_seconds
from mmpt.types import SegmentationExample

__all__ = ["BACKGROUND", "IGNORED", "COINActionSegmentationAligner"]

BACKGROUND = 0
"""Class of the seconds without an action."""
IGNORED = -100
"""Target of the positions after the end of a video; losses leave it out."""


class COINActionSegmentationAligner(Aligner):
    """Cuts a video into windows and gives every second its class; there is no text.

    Where segments overlap the later one of the list counts.

    Args:
        config: The ``dataset`` section: ``sliding_window``, ``sliding_window_size``.
    """

    def __init__(self, config: DatasetConfig) -> None:
        super().__init__(config)
        self.windows = SlidingWindows.of(config, self)

    def __call__(
        self, video_id: str, video_feature: np.ndarray, text_feature: Mapping[str, Sequence[float]]
    ) -> SegmentationExample:
        """Return all windows of one video.

        Args:
            video_id: Name of the video.
            video_feature: (seconds, D).
            text_feature: Segments as columns: ``start`` and ``end`` in seconds, ``label`` from 1.

        Raises:
            DataError: If the columns differ in length.
        """
        begin, end = self.windows.bounds(len(video_feature))
        vfeats, vmasks = self.layout.video_clips([video_feature], begin, end)
        video_targets = self._targets(video_id, len(video_feature), text_feature)
        targets = torch.full(vmasks.shape, IGNORED)
        targets[vmasks] = video_targets[torch.from_numpy(self.windows.seconds(len(video_feature)))]
        layout = self.layout
        dummy = [layout.cls_token_id, layout.sep_token_id, layout.pad_token_id, layout.sep_token_id]
        return SegmentationExample(
            caps=torch.tensor(dummy).repeat(len(begin), 1),
            cmasks=torch.tensor([False, True, False, True]).repeat(len(begin), 1),
            vfeats=vfeats,
            vmasks=vmasks,
            targets=targets,
            video_targets=video_targets,
            video_len=len(video_feature),
            video_id=video_id,
        )

    def _targets(self, video_id: str, seconds: int, segments: Mapping[str, Sequence[float]]) -> torch.Tensor:
        columns = [segments[name] for name in ("start", "end", "label")]
        if len({len(column) for column in columns}) != 1:
            raise DataError(
                f"The segments of video '{video_id}' have {' / '.join(str(len(c)) for c in columns)} "
                "starts / ends / labels; one of each per segment is expected."
            )
        targets = torch.full((seconds,), BACKGROUND)
        for start, end, label in zip(*columns, strict=True):
            targets[covered_seconds(start, end, seconds)] = int(label)
        return targets
