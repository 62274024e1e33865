"""CrossTask (Zhukov et al., CVPR 2019): where in the video does each step of its task happen?

The files are read in :mod:`mmpt.processors.downstream.crosstask_files`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmpt.config import DatasetConfig
from mmpt.errors import DataError
from mmpt.processors.downstream.crosstask_files import (
    StepSpan,
    annotation_file,
    choose_training_videos,
    read_annotation,
    read_tasks,
    read_videos,
)
from mmpt.processors.featurelength import feature_seconds
from mmpt.processors.processor import Aligner, MetaProcessor, TextProcessor, VideoProcessor
from mmpt.processors.textfiles import needed
from mmpt.processors.windows import UNCOVERED, SlidingWindows, covered_seconds, covers_nothing
from mmpt.types import LocalizationExample

__all__ = [
    "CrossTaskAligner",
    "CrossTaskMetaProcessor",
    "CrossTaskTextProcessor",
    "CrossTaskVideoProcessor",
]


class CrossTaskMetaProcessor(MetaProcessor):
    """Lists ((task id, video id), steps of the task).

    Validation takes the videos of ``val_csv_path``; they are in no other split. Of the others, training
    takes ``n_train`` of each primary task and all of the related tasks, the test the rest; see
    :func:`choose_training_videos`. (The path of the split is not read.)

    Videos without features, without annotation, or with fewer seconds than their task has steps are
    left out and recorded in ``dropped``. Rows of annotations that cover no second of their video, and
    annotations without any row, are recorded in ``ignored``.

    Args:
        config: The ``dataset`` section: ``train_csv_path``, ``val_csv_path``, ``primary_path``,
            ``related_path``, ``annotation_path``, ``n_train``, ``vfeat_dir``.

    Raises:
        DataError: If a file is missing or a row malformed, or if ``n_train`` leaves nothing to test.
    """

    def __init__(self, config: DatasetConfig) -> None:
        super().__init__(config)
        primary = read_tasks(needed(config, "primary_path", self))
        self.steps = {**read_tasks(needed(config, "related_path", self)), **primary}
        """Task id -> its steps."""
        self.annotation_path = Path(needed(config, "annotation_path", self))
        videos = self._split(config, primary)
        # The name of the video comes first while entries are dropped by it.
        self.data = [(video, task) for task, group in videos.items() for video in group]
        self._drop_unusable(config.vfeat_dir)
        self.data = [((task, video), self.steps[task]) for video, task in self.data]

    def split_path(self, config: DatasetConfig) -> str:
        """Return the list that holds the videos of the split."""
        return needed(config, "val_csv_path" if self.split == "valid" else "train_csv_path", self)

    def _split(self, config: DatasetConfig, primary: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
        held_out = read_videos(needed(config, "val_csv_path", self), self.steps)
        if self.split == "valid":
            return held_out
        listed = {
            task: [video for video in group if video not in held_out.get(task, ())]
            for task, group in read_videos(self.path, self.steps).items()
        }
        n_train = needed(config, "n_train", self)
        chosen = choose_training_videos(listed, primary, n_train)
        is_train = self.split == "train"
        split = {
            task: [video for video in group if (video in chosen[task]) == is_train]
            for task, group in listed.items()
        }
        if not is_train and not any(split.values()):
            raise DataError(
                f"No video of {self.path} is left for the split 'test': no primary task has more than "
                f"dataset.n_train = {n_train} videos outside {config.val_csv_path}. Lower n_train."
            )
        return split

    def _drop_unusable(self, vfeat_dir: str | None) -> None:
        self.drop_missing_features(vfeat_dir)
        self.drop_entries(
            f"without an annotation in {self.annotation_path}",
            lambda video, task: not annotation_file(self.annotation_path, task, video).is_file(),
        )
        if vfeat_dir is None:
            return
        seconds = feature_seconds(vfeat_dir)
        self.drop_entries(
            "with more steps than seconds", lambda video, task: len(self.steps[task]) > seconds(video)
        )
        rows = {
            annotation_file(self.annotation_path, task, video).name: (video, self._annotation(task, video))
            for video, task in self.data
        }
        uncovered = [
            f"{name} line {row.line}"
            for name, (video, found) in rows.items()
            for row in found
            if covers_nothing(row.start, row.end, seconds(video))
        ]
        empty = [name for name, (_, found) in rows.items() if not found]
        reasons = {UNCOVERED: uncovered, "annotations without a step": empty}
        self.ignored = {reason: names for reason, names in reasons.items() if names}

    def _annotation(self, task: str, video: str) -> list[StepSpan]:
        return read_annotation(annotation_file(self.annotation_path, task, video), len(self.steps[task]))


class CrossTaskVideoProcessor(VideoProcessor):
    """Reads the features of a video that is given as (task id, video id)."""

    def __call__(self, video_id: Sequence[Any]) -> np.ndarray:
        """Return the features of a video (seconds, D).

        Args:
            video_id: (task id, video id); anything after it is ignored.

        Raises:
            DataError: If the file is missing or broken.
        """
        return super().__call__(video_id[1])


class CrossTaskTextProcessor(TextProcessor):
    """Tokenises the steps of a task.

    Args:
        config: The ``dataset`` section.
    """

    def __call__(self, text_id: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each step."""
        return [super(CrossTaskTextProcessor, self).__call__(step) for step in text_id]


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
