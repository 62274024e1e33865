"""VLM: masked frames and masked words predicted by one encoder (Xu et al., "VLM", Findings of ACL 2021).

A masked frame is to be told from the other frames of the batch (section 3.2), a masked word from the
vocabulary. In :class:`MMFusionMTM` frames and words are candidates for each other too: one task over both
(masked token modelling). Only masked positions are scored, so no logits of other positions exist.

Without labels both models encode video and text apart, as MMFusionJoint does.
"""

import torch
from torch import nn

from mmpt.config import TaskConfig
from mmpt.errors import DataError
from mmpt.models.mmfusion import JointFusion, check_encoder, joint_mask
from mmpt.models.transformermodel import MMBertForJoint
from mmpt.modules.lmhead import load_head
from mmpt.modules.pooling import states_of_seconds
from mmpt.types import IGNORED, MaskedLogits, Pooled

__all__ = ["MMBertForMFMMLM", "MMBertForMTM", "MMFusionMFMMLM", "MMFusionMTM"]


class MMBertForMFMMLM(MMBertForJoint):
    """The encoder with BERT's language head, ``cls``; see :class:`MMBertForEncoder` for the arguments."""

    has_bias = True
    """Whether the head adds one number per word."""

    def __init__(
        self, config: TaskConfig, num_hidden_layers: int | None = None, pretrained: bool = True
    ) -> None:
        super().__init__(config, num_hidden_layers, pretrained)
        self.cls = load_head(config.dataset.bert_name, self.bert, pretrained, self.has_bias)

    def masked_video_tokens(
        self, vfeats: torch.Tensor, video_label: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the tokens of all frames, and the same with masked frames as if their features were zero.

        Args:
            vfeats: Original features (B, T, 512).
            video_label: True at masked frames, bool (B, T).
        """
        tokens = self.video_tokens(vfeats)
        empty = self.video_tokens(vfeats.new_zeros(1, 1, vfeats.shape[2]))
        return tokens, torch.where(video_label.unsqueeze(-1), empty, tokens)


class MMBertForMTM(MMBertForMFMMLM):
    """The same without a bias per word: frames, which have none, are scored beside words."""

    has_bias = False


class MMFusionMFMMLM(JointFusion):
    """Masked frames against frames, masked words against the vocabulary."""

    mm_encoder: MMBertForMFMMLM

    def __init__(self, config: TaskConfig, pretrained: bool = True) -> None:
        super().__init__(config, pretrained)
        check_encoder(self, self.mm_encoder, "mm_encoder_cls", MMBertForMFMMLM)

    def forward(
        self,
        caps: torch.Tensor,
        cmasks: torch.Tensor,
        vfeats: torch.Tensor,
        vmasks: torch.Tensor,
        video_label: torch.Tensor | None = None,
        text_label: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
    ) -> MaskedLogits | Pooled:
        """Return the logits of masked positions, or pooled vectors if there are no labels.

        See :class:`mmpt.types.ModelInput` for the first four.

        Args:
            caps: Token ids, masked words replaced.
            cmasks: See there.
            vfeats: Original features: the masked frames are hidden here.
            vmasks: See there.
            video_label: True at masked frames, bool (B, T); only real seconds may be.
            text_label: The original word where it is masked, -100 elsewhere, int64 (B, L).
            attention_mask: Who sees whom, bool (B, T + L, T + L), in the order of the sequence; by default
                every token sees all real ones.

        Raises:
            DataError: If only one of the two labels is given.
        """
        if video_label is None and text_label is None:
            return self.encode_apart(caps, cmasks, vfeats, vmasks)
        if video_label is None or text_label is None:
            raise DataError(
                f"{type(self).__name__} was given only one of video_label and text_label. "
                "Give both to train, or none to encode."
            )
        video_label, mask = video_label.bool(), attention_mask
        tokens, visible = self.mm_encoder.masked_video_tokens(vfeats, video_label)
        hidden = self.mm_encoder.encode(
            caps,
            visible,
            joint_mask(cmasks, vmasks) if mask is None else mask.bool(),
            remove_padding=self.remove_padding,
        )
        seconds = vmasks.shape[1]
        frames = states_of_seconds(hidden, seconds)[video_label]
        words = torch.cat([hidden[:, :1], hidden[:, seconds + 1 :]], dim=1)[text_label != IGNORED]
        transformed = self.mm_encoder.cls.predictions.transform(torch.cat([frames, words]))
        predicted_frames, predicted_words = transformed.split([len(frames), len(words)])
        negatives = tokens[vmasks.bool() & ~video_label]
        return self.logits(predicted_frames, tokens[video_label], negatives, predicted_words)

    def logits(
        self, frames: torch.Tensor, targets: torch.Tensor, negatives: torch.Tensor, words: torch.Tensor
    ) -> MaskedLogits:
        """Score what is predicted at the masked positions.

        Args:
            frames: Predictions of the masked frames (F, D).
            targets: Their own video tokens (F, D).
            negatives: Video tokens of the unmasked frames of the batch (N, D).
            words: Predictions of the masked words (W, D).

        Returns:
            ``video_logits`` (F, 1 + N), the right frame first, and ``text_logits`` (W, V).
        """
        own = (frames * targets).sum(-1, keepdim=True)
        return {
            "video_logits": torch.cat([own, frames @ negatives.t()], dim=1),
            "text_logits": self.mm_encoder.cls.predictions.decoder(words),
        }


class MMFusionMTM(MMFusionMFMMLM):
    """Masked frames and words against frames and words alike; the encoder is always ``MMBertForMTM``."""

    def __init__(self, config: TaskConfig, pretrained: bool = True) -> None:
        encoder = config.model.replace(mm_encoder_cls="MMBertForMTM")
        super().__init__(config.replace(model=encoder), pretrained)

    def logits(
        self, frames: torch.Tensor, targets: torch.Tensor, negatives: torch.Tensor, words: torch.Tensor
    ) -> MaskedLogits:
        """See :meth:`MMFusionMFMMLM.logits`.

        Returns:
            ``video_logits`` (F, 1 + N + V), the right frame first, and ``text_logits`` (W, V + N).
        """
        decoder: nn.Linear = self.mm_encoder.cls.predictions.decoder
        own = (frames * targets).sum(-1, keepdim=True)
        return {
            "video_logits": torch.cat([own, frames @ negatives.t(), decoder(frames)], dim=1),
            "text_logits": torch.cat([decoder(words), words @ negatives.t()], dim=1),
        }
