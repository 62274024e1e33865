"""Multiple choice on MSR-VTT (Yu et al., ECCV 2018): which of five sentences is about the video?

File: ``MSR_MC_test.csv``, tab-separated, columns ``vid_key, a1 ... a5, answer``; ``msr7`` stands for
the video ``video7``, ``answer`` counts from 0. Chance is 20 %.
"""

from collections.abc import Sequence

import numpy as np
import torch

from mmpt.config import DatasetConfig
from mmpt.errors import DataError
from mmpt.processors.processor import Aligner, MetaProcessor, TextProcessor
from mmpt.processors.textfiles import read_table, text_of
from mmpt.types import QAExample

__all__ = ["MSRVTTQAAligner", "MSRVTTQAMetaProcessor", "MSRVTTQATextProcessor"]

_CANDIDATES = ("a1", "a2", "a3", "a4", "a5")

Question = tuple[list[str], int]
"""The candidates, and the number of the right one, from 0."""


class MSRVTTQAMetaProcessor(MetaProcessor):
    """Lists (video_id, (candidates, answer)).

    Videos without a feature file are left out and recorded in ``dropped``.

    Args:
        config: The ``dataset`` section: the table of the split, ``vfeat_dir``.

    Raises:
        DataError: If the table is missing or lacks a column, a candidate is empty, or an answer is no
            number of a candidate.
    """

    def __init__(self, config: DatasetConfig) -> None:
        super().__init__(config)
        table = read_table(self.path, ["vid_key", *_CANDIDATES, "answer"], delimiter="\t")
        self.data = [self._question(row, f"line {line} of {self.path}") for line, row in table]
        self.drop_missing_features(config.vfeat_dir)

    def _question(self, row: dict[str, str], where: str) -> tuple[str, Question]:
        video = text_of(row["vid_key"], f"vid_key in {where}").replace("msr", "video")
        candidates = [text_of(row[name], f"{name} in {where}") for name in _CANDIDATES]
        answer = row["answer"].strip()
        if not answer.isdecimal() or int(answer) >= len(candidates):
            raise DataError(
                f"The answer in {where} is {row['answer']!r}; the number of a candidate, "
                f"0 (a1) to {len(candidates) - 1} (a{len(candidates)}), is expected."
            )
        return video, (candidates, int(answer))


class MSRVTTQATextProcessor(TextProcessor):
    """Tokenises all candidates of a question.

    Args:
        config: The ``dataset`` section.
    """

    def __call__(self, text_id: Question) -> tuple[list[list[int]], int]:  # type: ignore[override]
        """Return the token ids of each candidate, and the number of the right one, from 0."""
        candidates, answer = text_id
        return [super(MSRVTTQATextProcessor, self).__call__(each) for each in candidates], answer


class MSRVTTQAAligner(Aligner):
    """Puts one video beside all its candidate sentences.

    Args:
        config: The ``dataset`` section.
    """

    def __call__(
        self, video_id: str, video_feature: np.ndarray, text_feature: tuple[Sequence[Sequence[int]], int]
    ) -> QAExample:
        """Return one model input.

        Args:
            video_id: Name of the video.
            video_feature: (seconds, D).
            text_feature: Token ids of each candidate, and the number of the right one, from 0.
        """
        candidates, answer = text_feature
        vfeats, vmasks = self._build_video_seq(video_feature)
        texts = [self._build_text_seq(candidate) for candidate in candidates]
        caps, cmasks = (torch.stack(parts) for parts in zip(*texts, strict=True))
        return QAExample(
            caps=caps,
            cmasks=cmasks,
            vfeats=vfeats,
            vmasks=vmasks,
            video_id=video_id,
            answers=torch.tensor([answer]),
        )
