"""Multiple choice on MSR-VTT (Yu et al., ECCV 2018): which of five sentences is about the video?

File: ``MSR_MC_test.csv``, tab-separated, columns ``vid_key, a1 ... a5, answer``; ``msr7`` stands for
the video ``video7``, ``answer`` counts from 0. Chance is 20 %.
"""

from collections.abc import Sequence

import numpy as np
import torch

from mmpt.processors.processor import Aligner
from mmpt.types import QAExample

__all__ = ["MSRVTTQAAligner"]


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
