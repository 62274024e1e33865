"""Encoders over video and text: a projection of the features, and BERT.

The attribute names ``videomlp`` and ``bert`` are part of the checkpoint format.
"""

from collections.abc import Sequence

import torch
from torch import nn

from mmpt.config import TaskConfig
from mmpt.encoders.video_projection import FEATURE_WIDTH, VideoTokenMLP
from mmpt.errors import ConfigError, DataError
from mmpt.modules.bert import load_bert
from mmpt.modules.isolation import joint_layer_masks
from mmpt.modules.mmbert import TokenSequence, run_bert, text_sequence, video_sequence

__all__ = ["MMBertForEncoder", "MMBertForJoint"]

_NUM_SEGMENTS = 256  # rows of the unused embedding in the checkpoints of VLM


class MMBertForEncoder(nn.Module):
    """BERT that reads ``[CLS] video [SEP] text``, or ``[CLS] text`` without video.

    Args:
        config: The task; read are ``dataset.bert_name``, ``max_video_len``, ``max_len``, ``vfeat_dim``,
            and ``model.use_seg_emb``.
        num_hidden_layers: First layers of BERT to take; None takes all.
        pretrained: Load BERT's weights; False if a checkpoint is loaded next.

    Raises:
        ConfigError: If ``dataset.max_len`` is more than BERT has positions for.
    """

    def __init__(
        self, config: TaskConfig, num_hidden_layers: int | None = None, pretrained: bool = True
    ) -> None:
        super().__init__()
        bert = load_bert(config.dataset.bert_name, num_hidden_layers, pretrained)
        if config.dataset.max_len > bert.config.max_position_embeddings:
            raise ConfigError(
                f"dataset.max_len is {config.dataset.max_len} and the BERT '{config.dataset.bert_name}' has "
                f"{bert.config.max_position_embeddings} positions. Give at most that many."
            )
        self.max_video_len = config.dataset.max_video_len
        self._vfeat_dir = config.dataset.vfeat_dir
        # In this order: optimizer states of old checkpoints are stored by position.
        self.videomlp = VideoTokenMLP(
            bert.config.hidden_size,
            bert.config.hidden_act,
            bert.config.initializer_range,
            config.dataset.vfeat_dim or FEATURE_WIDTH,
        )
        self.bert = bert
        if config.model.use_seg_emb:
            bert.embeddings.seg_embeddings = nn.Embedding(_NUM_SEGMENTS, bert.config.hidden_size)

    def layer_masks(self, sequence: TokenSequence, num_video: int) -> Sequence[torch.Tensor] | None:
        """Return one additive mask per layer, or None where every layer sees the whole sequence."""
        return None

    def forward(
        self,
        input_ids: torch.Tensor,
        vfeats: torch.Tensor | None,
        attention_mask: torch.Tensor,
        layer: int | None = None,
        remove_padding: bool = False,
    ) -> torch.Tensor:
        """Encode a sequence.

        Args:
            input_ids: ``[CLS] [SEP] text``, or ``[CLS] text`` without video, int64 (B, N).
            vfeats: Video features (B, T, 512), or None.
            attention_mask: True at real tokens, in the order of the sequence, bool (B, T + N); or who
                sees whom, bool (B, T + N, T + N).
            layer: Number of layers after which to read; None reads the last.
            remove_padding: See :func:`mmpt.modules.mmbert.run_bert`.

        Returns:
            Hidden states (B, T + N, D).

        Raises:
            DataError: If the video is too long or its features are too wide or narrow.
        """
        if vfeats is None:
            sequence = text_sequence(self.bert, input_ids, attention_mask, self.max_video_len)
            return run_bert(self.bert, sequence, layer, remove_padding=remove_padding)
        return self.encode(input_ids, self.video_tokens(vfeats), attention_mask, layer, remove_padding)

    def video_tokens(self, vfeats: torch.Tensor) -> torch.Tensor:
        """Project features (B, T, 512) to tokens (B, T, D).

        Raises:
            DataError: If the video is too long or its features are too wide or narrow.
        """
        self._check_video(vfeats)
        return self.videomlp(vfeats.to(self.videomlp.linear1.weight.dtype))

    def encode(
        self,
        input_ids: torch.Tensor,
        video_tokens: torch.Tensor,
        attention_mask: torch.Tensor,
        layer: int | None = None,
        remove_padding: bool = False,
    ) -> torch.Tensor:
        """Encode ``[CLS] video [SEP] text`` from video tokens (B, T, D); else as :meth:`forward`."""
        sequence = video_sequence(self.bert, input_ids, video_tokens, attention_mask, self.max_video_len)
        masks = self.layer_masks(sequence, video_tokens.shape[1])
        return run_bert(self.bert, sequence, layer, masks, remove_padding)

    def _check_video(self, vfeats: torch.Tensor) -> None:
        if vfeats.shape[1] > self.max_video_len:
            raise DataError(
                f"A video of {vfeats.shape[1]} seconds was given and dataset.max_video_len is "
                f"{self.max_video_len}. Cut it, or use MMPTModel.encode_video, which takes windows."
            )
        if vfeats.shape[2] != self.videomlp.linear1.in_features:
            raise DataError(
                f"The video features are {vfeats.shape[2]} wide and the model reads "
                f"{self.videomlp.linear1.in_features} (dataset.vfeat_dir: {self._vfeat_dir}). "
                "Extract them with the encoder of its training, or train one for these (dataset.vfeat_dim)."
            )


class MMBertForJoint(MMBertForEncoder):
    """The same; in the first ``dataset.num_iso_layer`` layers video and text do not see each other."""

    def __init__(
        self, config: TaskConfig, num_hidden_layers: int | None = None, pretrained: bool = True
    ) -> None:
        super().__init__(config, num_hidden_layers, pretrained)
        self.num_iso_layer = config.dataset.num_iso_layer or 0

    def layer_masks(self, sequence: TokenSequence, num_video: int) -> Sequence[torch.Tensor] | None:
        """Return isolated masks for the first layers and open ones for the rest.

        A mask that says who sees whom holds in every layer.
        """
        if self.num_iso_layer == 0 or sequence.mask.dim() == 3:
            return None
        return joint_layer_masks(
            sequence.mask,
            num_video,
            self.bert.config.num_hidden_layers,
            self.num_iso_layer,
            sequence.embeds.dtype,
        )
