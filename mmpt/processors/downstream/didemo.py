"""DiDeMo (Hendricks et al., ICCV 2017): which moment of a 30-second video does a sentence describe?

File: ``test_data.json``, a list of ``{video, description, times}``; ``times`` holds one
``[first, last]`` per annotator, the first and last of the six 5-second chunks of the moment.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmpt.config import DatasetConfig
from mmpt.errors import ConfigError, DataError
from mmpt.processors.featurelength import feature_seconds
from mmpt.processors.processor import Aligner, MetaProcessor, TextProcessor
from mmpt.processors.textfiles import text_of
from mmpt.types import MomentExample
from mmpt.utils.files import read_json

__all__ = ["CHUNKS", "CHUNK_SECONDS", "DiDeMoAligner", "DiDeMoMetaProcessor", "DiDeMoTextProcessor"]

CHUNKS = 6
"""Chunks of a video, of which every run of neighbours is a moment."""
CHUNK_SECONDS = 5

Query = tuple[str, np.ndarray]
"""A sentence, and each annotator's first and last chunk (A, 2)."""


class DiDeMoMetaProcessor(MetaProcessor):
    """Lists (video_id, (sentence, times)); ``times`` are the annotators' chunks, int64 (A, 2).

    ``times`` have as many rows as the sentence with the most annotators; lacking rows are -1.

    The id of a video is what the file says, such as ``1234@N00_56_78.mov``, or the part before its
    extension if the features are stored under that. Sentences whose video has no features, or
    whose moment lies behind the end of the features by all annotators, are left out and recorded
    in ``dropped``.

    Args:
        config: The ``dataset`` section: ``test_path``, ``vfeat_dir``.

    Raises:
        ConfigError: If another split than the test is asked for.
        DataError: If the file is missing or of another form, or an entry is malformed.
    """

    def __init__(self, config: DatasetConfig) -> None:
        super().__init__(config)
        if self.split != "test":
            raise ConfigError(
                f"DiDeMoMetaProcessor lists the test split only; dataset.split is '{self.split}'."
            )
        self.data = _padded(_read(self.path))
        if config.vfeat_dir is not None:
            self._find_features(config.vfeat_dir)

    def _find_features(self, vfeat_dir: str) -> None:
        seconds = feature_seconds(vfeat_dir)
        self.data = [(_stored_name(video, vfeat_dir), query) for video, query in self.data]
        self.drop_missing_features(vfeat_dir)
        self.drop_entries(
            f"about a moment behind the end of the features in {vfeat_dir}",
            lambda video, query: bool(_starts(query).min() * CHUNK_SECONDS >= seconds(video)),
        )


class DiDeMoTextProcessor(TextProcessor):
    """Tokenises the sentence of a query.

    Args:
        config: The ``dataset`` section.
    """

    def __call__(self, text_id: Query) -> tuple[list[int], np.ndarray]:  # type: ignore[override]
        """Return the token ids of the sentence, and the annotators' chunks (A, 2)."""
        sentence, times = text_id
        return super().__call__(sentence), times


class DiDeMoAligner(Aligner):
    """Takes the first ``max_video_len`` seconds, the whole sentence, and what the annotators said.

    Args:
        config: The ``dataset`` section.
    """

    def __call__(
        self, video_id: str, video_feature: np.ndarray, text_feature: tuple[Sequence[int], np.ndarray]
    ) -> MomentExample:
        """Return one model input.

        Args:
            video_id: Name of the video.
            video_feature: (seconds, D).
            text_feature: Token ids of the sentence, and the annotators' chunks (A, 2).
        """
        tokens, times = text_feature
        vfeats, vmasks = self._build_video_seq(video_feature)
        caps, cmasks = self._build_text_seq(tokens)
        return MomentExample(
            caps=caps,
            cmasks=cmasks,
            vfeats=vfeats,
            vmasks=vmasks,
            video_id=video_id,
            times=torch.as_tensor(np.asarray(times, dtype=np.int64)),
        )


def _read(path: str) -> list[tuple[str, Query]]:
    rows = read_json(path)
    if not isinstance(rows, list) or not rows:
        raise DataError(f"The file {path} is no list of {{'video', 'description', 'times'}}, or is empty.")
    return [_query(row, f"entry {number} of {path}") for number, row in enumerate(rows)]


def _query(row: Any, where: str) -> tuple[str, Query]:
    if not isinstance(row, dict) or not {"video", "description", "times"} <= row.keys():
        raise DataError(f"The {where} is {row!r}; it needs 'video', 'description' and 'times'.")
    times = row["times"]
    if not isinstance(times, list) or not times or not all(_is_moment(each) for each in times):
        raise DataError(
            f"The times of {where} are {times!r}; a list of [first chunk, last chunk] is expected, "
            f"0 <= first <= last <= {CHUNKS - 1}."
        )
    video = text_of(row["video"], f"'video' in {where}")
    return video, (text_of(row["description"], where), np.array(times, dtype=np.int64))


def _is_moment(pair: Any) -> bool:
    return (
        isinstance(pair, list)
        and len(pair) == 2
        and all(type(chunk) is int for chunk in pair)
        and 0 <= pair[0] <= pair[1] < CHUNKS
    )


def _padded(queries: list[tuple[str, Query]]) -> list[tuple[str, Query]]:
    """Give all queries as many rows of times, so that they can be stacked to a batch."""
    rows = max(len(times) for _, (_, times) in queries)
    return [
        (video, (sentence, np.pad(times, ((0, rows - len(times)), (0, 0)), constant_values=-1)))
        for video, (sentence, times) in queries
    ]


def _starts(query: Query) -> np.ndarray:
    _, times = query
    return times[times[:, 0] >= 0, 0]


def _stored_name(video: str, vfeat_dir: str) -> str:
    names = (video, Path(video).stem)
    # os.path: a name that is too long for a file is one without features, and no error.
    return next((name for name in names if os.path.isfile(f"{vfeat_dir}/{name}.npy")), video)
