"""Step localisation: how well each step of a task matches every second (CrossTask).

A score is the dot product of a second's hidden state and a step's pooled text, as in retrieval, so the
models have no weights of their own: a pre-trained checkpoint answers without fine-tuning (VLM, section
4.2; VideoCLIP, section 4.3).
"""

import torch

from mmpt.errors import DataError
from mmpt.models.dualencoder import DualEncoder, MMFusionSeparate, MMFusionShare
from mmpt.models.mmfusion import JointFusion
from mmpt.models.windows import join_videos

__all__ = [
    "MMFusionActionLocalization",
    "MMFusionSeparateActionLocalization",
    "MMFusionShareActionLocalization",
]


class MMFusionActionLocalization(JointFusion):
    """One encoder that reads windows and steps apart; both from the layer that pooling uses."""

    def forward(
        self, caps: torch.Tensor, cmasks: torch.Tensor, vfeats: torch.Tensor, vmasks: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Return ``logits`` (rows, steps): a row per valid second, windows joined in order.

        Args:
            caps: Token ids of the steps, int64 (steps, L) or (1, steps, L).
            cmasks: True where ``caps`` is not padding, bool, as ``caps``.
            vfeats: Features of the windows of one video, (W, T, 512) or (1, W, T, 512).
            vmasks: True at valid seconds, bool (W, T) or (1, W, T).

        Raises:
            DataError: If several videos are given.
        """
        caps, cmasks, vfeats, vmasks = _one_video(caps, cmasks, vfeats, vmasks)
        hidden = self.encode_seconds(caps[:1].expand(len(vfeats), -1), vfeats, vmasks)
        return {"logits": hidden[vmasks] @ self.encode_text(caps, cmasks).T}


class _DualLocalization(DualEncoder):
    def forward(  # type: ignore[override]
        self, caps: torch.Tensor, cmasks: torch.Tensor, vfeats: torch.Tensor, vmasks: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Return ``logits`` (rows, steps); see :meth:`MMFusionActionLocalization.forward`."""
        caps, cmasks, vfeats, vmasks = _one_video(caps, cmasks, vfeats, vmasks)
        start = caps[:1].expand(len(vfeats), -1)
        hidden = self.encode_seconds(start, vfeats, vmasks, shows_cls=False)
        return {"logits": hidden[vmasks] @ self.encode_text(caps, cmasks).T}


class MMFusionSeparateActionLocalization(_DualLocalization, MMFusionSeparate):
    """VideoCLIP: the video tower reads the windows, the text tower the steps."""


class MMFusionShareActionLocalization(_DualLocalization, MMFusionShare):
    """One multimodal BERT reads the windows and the steps in two passes."""


def _one_video(
    caps: torch.Tensor, cmasks: torch.Tensor, vfeats: torch.Tensor, vmasks: torch.Tensor
) -> tuple[torch.Tensor, ...]:
    if vfeats.dim() == 4 and len(vfeats) != 1:
        raise DataError(
            f"A batch holds {len(vfeats)} videos, and every video has its own steps. "
            "Set fairseq.dataset.batch_size to 1 for step localisation."
        )
    # Masks of other types than bool would be read as row numbers.
    return join_videos(caps, cmasks, vfeats, vmasks.bool(), windowed=vfeats)
