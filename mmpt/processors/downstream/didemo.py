"""DiDeMo (Hendricks et al., ICCV 2017): which moment of a 30-second video does a sentence describe?

File: ``test_data.json``, a list of ``{video, description, times}``; ``times`` holds one
``[first, last]`` per annotator, the first and last of the six 5-second chunks of the moment.
"""

from collections.abc import Sequence

import numpy as np
import torch

from mmpt.processors.processor import Aligner
from mmpt.types import MomentExample

__all__ = ["DiDeMoAligner"]


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
