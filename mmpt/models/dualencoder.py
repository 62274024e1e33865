"""VideoCLIP: video and text encoded apart (Xu et al., "VideoCLIP", EMNLP 2021, section 3.1).

``pooled_video`` is the mean over the valid seconds and the video's ``[SEP]``, ``pooled_text`` the
mean over the text and its ``[SEP]``; a score is their dot product. The attribute names
``video_encoder``, ``text_encoder`` and ``mm_encoder`` are part of the checkpoint format.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch.nn import functional
from transformers import BertModel

from mmpt.catalog import ENCODERS
from mmpt.config import TaskConfig
from mmpt.errors import ConfigError
from mmpt.models.mmfusion import MMFusion, build_encoder
from mmpt.models.shared_towers import split_shared_encoder
from mmpt.modules.bert import load_bert
from mmpt.modules.chunks import in_chunks
from mmpt.modules.mmbert import plain_sequence, run_bert
from mmpt.modules.pooling import pool_text, pool_video, states_of_seconds
from mmpt.types import Pooled

__all__ = ["DualEncoder", "MMFusionSeparate", "MMFusionShare"]


class DualEncoder(MMFusion, ABC):
    """Two passes, one pooling: subclasses say which encoder runs which pass."""

    @abstractmethod
    def run_video(self, ids: torch.Tensor, vfeats: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Encode ``[CLS] video [SEP]``: ids (B, 2), vfeats (B, T, 512), mask (B, T + 2) -> (B, T + 2, D)."""

    @abstractmethod
    def run_text(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Encode ``[CLS] text [SEP]``: ids and mask (B, N) -> (B, N, D)."""

    def forward(
        self, caps: torch.Tensor, cmasks: torch.Tensor, vfeats: torch.Tensor, vmasks: torch.Tensor
    ) -> Pooled:
        """Return pooled vectors and hidden states; see :class:`mmpt.types.ModelInput` for the arguments.

        Training with ``loss.grad_cache_chunk`` returns the pooled vectors only: the others are what is
        not kept.
        """
        chunk = self.config.loss.grad_cache_chunk
        if chunk is not None and self.training:
            return {
                "pooled_video": in_chunks(self.encode_video, chunk, caps[: len(vfeats)], vfeats, vmasks),
                "pooled_text": in_chunks(self.encode_text, chunk, caps, cmasks),
            }
        hidden_video = self._hidden_video(caps, vfeats, vmasks)
        hidden_text = self._hidden_text(caps, cmasks)
        return {
            "pooled_video": self.scaled(pool_video(hidden_video, vmasks)),
            "pooled_text": self.scaled(pool_text(hidden_text, cmasks)),
            "hidden_video": hidden_video,
            "hidden_text": hidden_text,
        }

    def encode_video(self, caps: torch.Tensor, vfeats: torch.Tensor, vmasks: torch.Tensor) -> torch.Tensor:
        """See :meth:`MMFusion.encode_video`."""
        return self.scaled(pool_video(self._hidden_video(caps, vfeats, vmasks), vmasks))

    def encode_text(self, caps: torch.Tensor, cmasks: torch.Tensor) -> torch.Tensor:
        """See :meth:`MMFusion.encode_text`."""
        return self.scaled(pool_text(self._hidden_text(caps, cmasks), cmasks))

    def encode_seconds(
        self, caps: torch.Tensor, vfeats: torch.Tensor, vmasks: torch.Tensor, shows_cls: bool = True
    ) -> torch.Tensor:
        """See :meth:`MMFusion.encode_seconds`; seconds see ``[CLS]`` in retrieval, not in labelling."""
        return states_of_seconds(self._hidden_video(caps, vfeats, vmasks, shows_cls), vmasks.shape[1])

    def scaled(self, vectors: torch.Tensor) -> torch.Tensor:
        """See :meth:`MMFusion.scaled`."""
        return functional.normalize(vectors, dim=-1) if self.config.model.normalize else vectors

    def _hidden_video(
        self, caps: torch.Tensor, vfeats: torch.Tensor, vmasks: torch.Tensor, shows_cls: bool = True
    ) -> torch.Tensor:
        mask = functional.pad(functional.pad(vmasks, (1, 0), value=shows_cls), (0, 1), value=True)
        # Several candidate texts may stand beside one video; all begin with [CLS] [SEP].
        return self.run_video(caps[: len(vfeats), :2], vfeats, mask)

    def _hidden_text(self, caps: torch.Tensor, cmasks: torch.Tensor) -> torch.Tensor:
        # caps are [CLS] [SEP] text [SEP]: the first [SEP] belongs to the video.
        ids = torch.cat([caps[:, :1], caps[:, 2:]], dim=1)
        return self.run_text(ids, torch.cat([cmasks[:, :1], cmasks[:, 2:]], dim=1))


class MMFusionSeparate(DualEncoder):
    """VideoCLIP: the first layers of one BERT for video, a second BERT for text."""

    def __init__(self, config: TaskConfig, pretrained: bool = True) -> None:
        super().__init__(config, pretrained)
        self.video_encoder = build_encoder(
            config, "video_encoder_cls", config.model.num_hidden_video_layers, pretrained
        )
        self.text_encoder = _build_text_encoder(config, pretrained)

    def translate(self, weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return the weights of a checkpoint by this model's names; those of MMFusionShare have others."""
        return split_shared_encoder(weights, self.state_dict(), self.config.dataset.max_video_len)

    def run_video(self, ids: torch.Tensor, vfeats: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """See :meth:`DualEncoder.run_video`."""
        return self.video_encoder(ids, vfeats, mask, remove_padding=self.remove_padding)

    def run_text(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """See :meth:`DualEncoder.run_text`; positions and types are BERT's own."""
        sequence = plain_sequence(self.text_encoder, ids, mask)
        return run_bert(self.text_encoder, sequence, remove_padding=self.remove_padding)


class MMFusionShare(DualEncoder):
    """One multimodal BERT encodes video and text in two passes."""

    def __init__(self, config: TaskConfig, pretrained: bool = True) -> None:
        super().__init__(config, pretrained)
        self.mm_encoder = build_encoder(config, "mm_encoder_cls", pretrained=pretrained)

    def run_video(self, ids: torch.Tensor, vfeats: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """See :meth:`DualEncoder.run_video`."""
        return self.mm_encoder(ids, vfeats, mask, remove_padding=self.remove_padding)

    def run_text(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """See :meth:`DualEncoder.run_text`; positions and types are those beside a video."""
        return self.mm_encoder(ids, None, mask, remove_padding=self.remove_padding)


def _build_text_encoder(config: TaskConfig, pretrained: bool) -> BertModel:
    name = config.model.text_encoder_cls
    if name is None or ENCODERS.get(name) is not BertModel:
        raise ConfigError(
            f"model.text_encoder_cls is '{name}'; "
            f"the text tower of {config.model.model_cls} must be 'BertModel'."
        )
    return load_bert(config.dataset.bert_name, pretrained=pretrained)
