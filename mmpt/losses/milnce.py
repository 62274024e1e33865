"""MIL-NCE: several captions may belong to a clip, and it is enough that one does.

Miech et al., "End-to-End Learning of Visual Representations from Uncurated Instructional Videos",
CVPR 2020, equation 1.
"""

import torch

from mmpt.errors import DataError
from mmpt.losses.loss import Loss

__all__ = ["MILNCE"]


class MILNCE(Loss):
    """Mean over clips of ``-log(P / (P + N))``, sums of the exponentials of scores.

    For clip i with its C candidates, P is over the scores of i with them. N is over the scores of i with
    all other captions, and of all other clips with the captions of i.
    """

    def forward(self, pooled_video: torch.Tensor, pooled_text: torch.Tensor) -> torch.Tensor:
        """Return the loss.

        Args:
            pooled_video: Clips (B, D).
            pooled_text: Captions (B * C, D), those of clip i before those of clip i + 1.

        Raises:
            DataError: If the captions do not divide among the clips.
        """
        clips, captions = len(pooled_video), len(pooled_text)
        if not clips or captions % clips:
            raise DataError(
                f"MILNCE got {captions} captions for {clips} clips; every clip needs the same number. "
                "How2MILNCEAligner and MILNCETask give such batches."
            )
        scores = (pooled_video @ pooled_text.t()).view(clips, clips, -1)  # clip, clip of the caption, which
        own = torch.eye(clips, dtype=torch.bool, device=scores.device)
        positive = scores[own].logsumexp(1)
        # The own scores stand in a clip's row already.
        others = scores.transpose(0, 1).masked_fill(own[..., None], -torch.inf)
        every = torch.cat([scores.flatten(1), others.flatten(1)], dim=1).logsumexp(1)
        return (every - positive).mean()
