"""Losses of masked modelling (VLM): the logits of masked positions against what was there."""

import torch
from torch.nn import functional

from mmpt.errors import DataError
from mmpt.losses.loss import Loss
from mmpt.types import IGNORED

__all__ = ["MFMMLM", "MTM"]


class MFMMLM(Loss):
    """Masked frame modelling plus masked language modelling: the sum of two cross entropies.

    Each is a mean over its masked positions; a batch without any adds 0 for it.
    """

    def forward(
        self,
        video_logits: torch.Tensor,
        text_logits: torch.Tensor,
        video_label: torch.Tensor,
        text_label: torch.Tensor,
    ) -> torch.Tensor:
        """Return the loss.

        Args:
            video_logits: (F, C), one row per masked frame, the right one in column 0.
            text_logits: (W, V), one row per masked word.
            video_label: True at masked frames, bool (B, T).
            text_label: The word where it is masked, -100 elsewhere, int64 (B, L).

        Raises:
            DataError: If there are more or fewer rows than labels.
        """
        first, words = _targets(video_logits, text_logits, video_label, text_label)
        video = functional.cross_entropy(video_logits, first, reduction="sum") / max(len(first), 1)
        return video + functional.cross_entropy(text_logits, words, reduction="sum") / max(len(words), 1)


class MTM(Loss):
    """Masked token modelling: one cross entropy, the mean over masked frames and words.

    Frames have one candidate more than words, their own; a word gets a candidate with logit 0 for it.
    """

    def forward(
        self,
        video_logits: torch.Tensor,
        text_logits: torch.Tensor,
        video_label: torch.Tensor,
        text_label: torch.Tensor,
    ) -> torch.Tensor:
        """Return the loss.

        Args:
            video_logits: (F, 1 + N + V), the right frame in column 0.
            text_logits: (W, V + N).
            video_label: See :meth:`MFMMLM.forward`.
            text_label: See there.

        Raises:
            DataError: If there are more or fewer rows than labels.
        """
        first, words = _targets(video_logits, text_logits, video_label, text_label)
        video = functional.cross_entropy(video_logits, first, reduction="sum")
        # Adding the candidate to the sum of exponentials saves a copy of the logits.
        every = text_logits.logsumexp(1)
        every = torch.logaddexp(every, torch.zeros_like(every))
        text = (every - text_logits.gather(1, words[:, None]).squeeze(1)).sum()
        return (video + text) / max(len(first) + len(words), 1)


def _targets(
    video_logits: torch.Tensor, text_logits: torch.Tensor, video_label: torch.Tensor, text_label: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the right columns of both."""
    words = text_label[text_label != IGNORED]
    frames = int(video_label.sum())
    if (len(video_logits), len(text_logits)) != (frames, len(words)):
        raise DataError(
            f"The model gave logits for {len(video_logits)} frames and {len(text_logits)} words; {frames} "
            f"frames and {len(words)} words are masked. Give the loss the labels that the model was given."
        )
    return torch.zeros(frames, dtype=torch.int64, device=video_logits.device), words
