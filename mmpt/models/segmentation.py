"""Action segmentation: a class for every second (COIN; VLM, section 4.2, and VideoCLIP, section 4.3).

The attribute names ``mm_encoder``, ``video_encoder`` and ``classifier`` are part of the checkpoint format.
"""

import torch
from torch import nn

from mmpt.catalog import META_PROCESSORS
from mmpt.config import TaskConfig
from mmpt.models.dualencoder import MMFusionSeparate
from mmpt.models.mmfusion import JointFusion, check_encoder, joint_mask
from mmpt.models.transformermodel import MMBertForJoint
from mmpt.models.windows import join_videos
from mmpt.modules.pooling import states_of_seconds

__all__ = [
    "MMBertForTokenClassification",
    "MMFusionActionSegmentation",
    "MMFusionSeparateActionSegmentation",
    "num_labels",
]

_COIN_LABELS = 779
"""The 778 actions of COIN, and background."""


def num_labels(config: TaskConfig) -> int:
    """Return the number of classes, background included.

    It is ``model.num_labels``; else what the meta processor counts in the annotations; else, where the
    task names no data, the 779 of COIN.

    Raises:
        DataError: If the annotations are needed and missing or malformed.
    """
    if config.model.num_labels is not None:
        return config.model.num_labels
    name = config.dataset.meta_processor
    count = getattr(META_PROCESSORS.get(name), "count_labels", None) if name is not None else None
    return _COIN_LABELS if count is None else count(config.dataset)


class MMBertForTokenClassification(MMBertForJoint):
    """An encoder whose hidden states can be classified.

    Args:
        config: The task; see also :func:`num_labels`.
        num_hidden_layers: First layers of BERT to take; None takes all.
        pretrained: Load BERT's weights; False if a checkpoint is loaded next.
    """

    def __init__(
        self, config: TaskConfig, num_hidden_layers: int | None = None, pretrained: bool = True
    ) -> None:
        super().__init__(config, num_hidden_layers, pretrained)
        bert_config = self.bert.config
        self.num_labels = num_labels(config)
        self.dropout = nn.Dropout(bert_config.hidden_dropout_prob)
        self.classifier = nn.Linear(bert_config.hidden_size, self.num_labels)
        nn.init.normal_(self.classifier.weight, std=bert_config.initializer_range)
        nn.init.zeros_(self.classifier.bias)

    def classify(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the logits (..., num_labels) of hidden states (..., D)."""
        return self.classifier(self.dropout(hidden))


class MMFusionActionSegmentation(JointFusion):
    """One encoder over the video and a dummy text; the last layer of every second is classified."""

    def __init__(self, config: TaskConfig, pretrained: bool = True) -> None:
        super().__init__(config, pretrained)
        check_encoder(self, self.mm_encoder, "mm_encoder_cls", MMBertForTokenClassification)

    def forward(
        self, caps: torch.Tensor, cmasks: torch.Tensor, vfeats: torch.Tensor, vmasks: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Return ``logits`` (W, T, num_labels), padding included; windows of several videos are joined.

        Args:
            caps: ``[CLS] [SEP] [PAD] [SEP]``, int64 (W, 4) or (B, W, 4).
            cmasks: 0 1 0 1, bool, as ``caps``.
            vfeats: Video features (W, T, 512) or (B, W, T, 512).
            vmasks: True at valid seconds, bool (W, T) or (B, W, T).
        """
        caps, cmasks, vfeats, vmasks = join_videos(caps, cmasks, vfeats, vmasks, windowed=vfeats)
        mask = joint_mask(cmasks, vmasks)
        hidden = self.mm_encoder(caps, vfeats, mask, remove_padding=self.remove_padding)
        return {"logits": self.mm_encoder.classify(states_of_seconds(hidden, vmasks.shape[1]))}


class MMFusionSeparateActionSegmentation(MMFusionSeparate):
    """The video tower of VideoCLIP with a classifier; the text tower is kept and not used."""

    def __init__(self, config: TaskConfig, pretrained: bool = True) -> None:
        super().__init__(config, pretrained)
        check_encoder(self, self.video_encoder, "video_encoder_cls", MMBertForTokenClassification)

    def forward(  # type: ignore[override]
        self,
        caps: torch.Tensor,
        vfeats: torch.Tensor,
        vmasks: torch.Tensor,
        cmasks: torch.Tensor | None = None,
    ) -> dict[str, torch.Tensor]:
        """Return ``logits``; see :meth:`MMFusionActionSegmentation.forward`. ``cmasks`` are not read."""
        caps, vfeats, vmasks = join_videos(caps, vfeats, vmasks, windowed=vfeats)
        start = caps[:1].expand(len(vfeats), -1)
        return {
            "logits": self.video_encoder.classify(self.encode_seconds(start, vfeats, vmasks, shows_cls=False))
        }
