"""COIN (Tang et al., CVPR 2019): instructional videos of all lengths; which action is each second?

The file is read in :mod:`mmpt.processors.downstream.coin_files`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from mmpt.config import DatasetConfig
from mmpt.errors import ConfigError, DataError
from mmpt.processors.downstream.coin_files import BACKGROUND, Segment, read_coin, read_labels
from mmpt.processors.featurelength import feature_seconds
from mmpt.processors.processor import Aligner, MetaProcessor, TextProcessor
from mmpt.processors.windows import UNCOVERED, SlidingWindows, covered_seconds, covers_nothing
from mmpt.types import IGNORED, SegmentationExample

__all__ = [
    "COINActionSegmentationAligner",
    "COINActionSegmentationMetaProcessor",
    "COINActionSegmentationTextProcessor",
]


class COINActionSegmentationMetaProcessor(MetaProcessor):
    """Lists (video_id, segments); the validation and the test split are the subset ``testing``.

    Videos without features or without segments are left out and recorded in ``dropped``. Segments
    that cover no second of their video are recorded in ``ignored``.

    Args:
        config: The ``dataset`` section: the path of the split, which is ``COIN.json``, ``vfeat_dir``.

    Raises:
        DataError: If the file is missing or of another form, or a segment is malformed.
    """

    def __init__(self, config: DatasetConfig) -> None:
        super().__init__(config)
        subset = "training" if self.split == "train" else "testing"
        self.labels = read_labels(self.path)
        """Name of each class; see :func:`read_labels`."""
        self.data = list(read_coin(self.path)[subset].items())
        self.drop_entries(f"without a segment in {self.path}", lambda _, segments: not segments)
        self.drop_missing_features(config.vfeat_dir)
        if config.vfeat_dir is not None:
            self._ignore_uncovered(config.vfeat_dir)

    @classmethod
    def count_labels(cls, config: DatasetConfig) -> int:
        """Return the number of classes, background included, of a ``dataset`` section's ``COIN.json``.

        The first file that is named counts: training and test read the same.

        Raises:
            ConfigError: If no file is named.
            DataError: If the file is missing or of another form.
        """
        keys = ("train_path", "val_path", "test_path")
        path = next((config.get(key) for key in keys if config.get(key)), None)
        if path is None:
            raise ConfigError(f"The number of classes is counted in COIN.json; set one of {', '.join(keys)}.")
        return len(read_labels(path))

    def _ignore_uncovered(self, vfeat_dir: str) -> None:
        seconds = feature_seconds(vfeat_dir)
        uncovered = [
            f"{video} {segment.start}-{segment.end}"
            for video, segments in self.data
            for segment in segments
            if covers_nothing(segment.start, segment.end, seconds(video))
        ]
        if uncovered:
            self.ignored = {UNCOVERED: uncovered}


class COINActionSegmentationTextProcessor(TextProcessor):
    """Hands on the segments of a video as columns; the name of a class is tokenised.

    Args:
        config: The ``dataset`` section.
    """

    def __call__(self, text_id: str | Sequence[Segment]) -> Any:
        """Return ``{"start": [...], "end": [...], "label": [...]}``, or the token ids of a name."""
        if isinstance(text_id, str):
            return super().__call__(text_id)
        return {name: [getattr(each, name) for each in text_id] for name in Segment._fields}


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
        targets = torch.full(vmasks.shape, IGNORED)  # stays so after the end of the video
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
