"""Fusion models that run video and text through one multimodal encoder, and the base of all."""

from typing import Any

import torch
from torch import nn

from mmpt.catalog import ENCODERS
from mmpt.config import TaskConfig
from mmpt.errors import ConfigError
from mmpt.modules.pooling import pool_text, pool_video, states_of_seconds
from mmpt.types import Pooled

__all__ = ["JointFusion", "MMFusion", "MMFusionJoint", "build_encoder", "check_encoder", "joint_mask"]

_RETRIEVAL = "use a task whose model is for retrieval, such as MMFusionSeparate."


def build_encoder(
    config: TaskConfig, key: str, num_hidden_layers: int | None = None, pretrained: bool = True
) -> Any:
    """Build the encoder that ``model.<key>`` names.

    Raises:
        ConfigError: If the key is absent or its class unknown.
    """
    name = config.model.get(key)
    if name is None:
        raise ConfigError(
            f"model.{key} is missing and model_cls '{config.model.model_cls}' needs it. "
            f"Known encoders: {', '.join(ENCODERS.names())}."
        )
    return ENCODERS.get(name)(config, num_hidden_layers=num_hidden_layers, pretrained=pretrained)


def check_encoder(model: nn.Module, encoder: nn.Module, key: str, needed: type[nn.Module]) -> None:
    """Check that the encoder that ``model.<key>`` names is of the kind that the model needs.

    Raises:
        ConfigError: If it is not.
    """
    if not isinstance(encoder, needed):
        raise ConfigError(
            f"model.{key} is '{type(encoder).__name__}'; {type(model).__name__} needs '{needed.__name__}'."
        )


class MMFusion(nn.Module):
    """Base of the fusion models: common settings and the loading of old state dicts.

    Args:
        config: The task.
        pretrained: Load BERT's weights; False if a checkpoint is loaded next.
    """

    def __init__(self, config: TaskConfig, pretrained: bool = True) -> None:
        super().__init__()
        self.config = config
        self.register_load_state_dict_pre_hook(_drop_position_ids)

    @property
    def remove_padding(self) -> bool:
        """Whether to compute real tokens only: ``model.remove_padding``, by default while training."""
        chosen = self.config.model.remove_padding
        return self.training if chosen is None else chosen

    def encode_video(self, caps: torch.Tensor, vfeats: torch.Tensor, vmasks: torch.Tensor) -> torch.Tensor:
        """Return ``pooled_video`` (B, D) without looking at any text.

        Args:
            caps: Token ids that start with ``[CLS] [SEP]``; the rest is not read, int64 (B, 2 or more).
            vfeats: Video features (B, T, 512).
            vmasks: True at valid seconds, bool (B, T).

        Raises:
            ConfigError: If the model has no such vector.
        """
        raise ConfigError(
            f"The model_cls '{type(self).__name__}' gives no vector of a video alone; {_RETRIEVAL}"
        )

    def encode_seconds(self, caps: torch.Tensor, vfeats: torch.Tensor, vmasks: torch.Tensor) -> torch.Tensor:
        """Return the hidden state of every second, (B, T, D), of those that :meth:`encode_video` pools."""
        raise ConfigError(
            f"The model_cls '{type(self).__name__}' gives no vectors of the seconds of a video; {_RETRIEVAL}"
        )

    def scaled(self, vectors: torch.Tensor) -> torch.Tensor:
        """Return vectors (..., D) as scores compare them: of length 1 if ``model.normalize`` holds."""
        return vectors

    def encode_text(self, caps: torch.Tensor, cmasks: torch.Tensor) -> torch.Tensor:
        """Return ``pooled_text`` (B, D) without looking at any video.

        Args:
            caps: Token ids, int64 (B, L).
            cmasks: True where ``caps`` is not padding, bool (B, L).

        Raises:
            ConfigError: If the model has no such vector.
        """
        raise ConfigError(
            f"The model_cls '{type(self).__name__}' gives no vector of a text alone; {_RETRIEVAL}"
        )


def _drop_position_ids(module: nn.Module, state_dict: dict[str, Any], prefix: str, *_: Any) -> None:
    """Ignore the ``position_ids`` buffers that older versions of transformers stored."""
    for key in [key for key in state_dict if key.endswith("embeddings.position_ids")]:
        del state_dict[key]


class JointFusion(MMFusion):
    """Base of the models with one encoder over ``[CLS] video [SEP] text``.

    Here are the vectors of a video or a text alone, read after layer ``dataset.num_iso_layer``, up to
    which video and text do not see each other, or after the last layer if there is none.
    """

    def __init__(self, config: TaskConfig, pretrained: bool = True) -> None:
        super().__init__(config, pretrained)
        self.mm_encoder = build_encoder(config, "mm_encoder_cls", pretrained=pretrained)
        self.layer: int | None = config.dataset.num_iso_layer or None
        num_layers = self.mm_encoder.bert.config.num_hidden_layers
        if self.layer is not None and not 1 <= self.layer <= num_layers:
            raise ConfigError(
                f"dataset.num_iso_layer is {self.layer}; the BERT '{config.dataset.bert_name}' has "
                f"{num_layers} layers. Give a number from 1 to {num_layers}."
            )

    def encode_apart(
        self, caps: torch.Tensor, cmasks: torch.Tensor, vfeats: torch.Tensor, vmasks: torch.Tensor
    ) -> Pooled:
        """Return pooled vectors and hidden states of video and text, each without the other."""
        return _pooled(
            self.hidden_video(caps, vfeats, vmasks), self.hidden_text(caps, cmasks), cmasks, vmasks
        )

    def encode_video(self, caps: torch.Tensor, vfeats: torch.Tensor, vmasks: torch.Tensor) -> torch.Tensor:
        """See :meth:`MMFusion.encode_video`."""
        return pool_video(self.hidden_video(caps, vfeats, vmasks), vmasks)

    def encode_seconds(self, caps: torch.Tensor, vfeats: torch.Tensor, vmasks: torch.Tensor) -> torch.Tensor:
        """See :meth:`MMFusion.encode_seconds`."""
        return states_of_seconds(self.hidden_video(caps, vfeats, vmasks), vmasks.shape[1])

    def encode_text(self, caps: torch.Tensor, cmasks: torch.Tensor) -> torch.Tensor:
        """See :meth:`MMFusion.encode_text`."""
        return pool_text(self.hidden_text(caps, cmasks), cmasks)

    def hidden_video(self, caps: torch.Tensor, vfeats: torch.Tensor, vmasks: torch.Tensor) -> torch.Tensor:
        """Return the hidden states of ``[CLS] video [SEP]``, (B, T + 2, D), without looking at any text.

        The text is ``[PAD] [SEP]`` and ``[CLS]`` is hidden; see :meth:`MMFusion.encode_video` for the
        arguments.
        """
        # Several candidate texts may stand beside one video; all begin with [CLS] [SEP].
        start = caps[: len(vfeats), :2]
        pad = torch.full_like(start[:, :1], self.mm_encoder.bert.config.pad_token_id)
        dummy = torch.cat([start, pad, start[:, 1:]], dim=1)
        mask = torch.tensor([False, True, False, True], device=caps.device).expand(len(start), -1)
        return _video_part(self._hidden(dummy, mask, vfeats, vmasks), vmasks.shape[1])

    def hidden_text(self, caps: torch.Tensor, cmasks: torch.Tensor) -> torch.Tensor:
        """Return the hidden states of ``[CLS] text [SEP]``, (B, L - 1, D), without looking at any video.

        The video is one second of zeros; see :meth:`MMFusion.encode_text` for the arguments.
        """
        linear = self.mm_encoder.videomlp.linear1
        vfeats = linear.weight.new_zeros(len(caps), 1, linear.in_features)
        vmasks = torch.ones(vfeats.shape[:2], dtype=torch.bool, device=vfeats.device)
        return _text_part(self._hidden(caps, cmasks, vfeats, vmasks), 1)

    def _hidden(
        self, caps: torch.Tensor, cmasks: torch.Tensor, vfeats: torch.Tensor, vmasks: torch.Tensor
    ) -> torch.Tensor:
        """Return the hidden states of ``[CLS] video [SEP] text``, (B, T + L, D)."""
        mask = joint_mask(cmasks, vmasks)
        return self.mm_encoder(caps, vfeats, mask, self.layer, self.remove_padding)


class MMFusionJoint(JointFusion):
    """One encoder over ``[CLS] video [SEP] text`` with isolated first layers (VLM, section 3.3).

    A task with ``dataset.train_path`` encodes both in one pass, any other task each on its own, so
    that a score of retrieval never knows the other side. With isolated layers both ways give the
    same vectors.
    """

    def __init__(self, config: TaskConfig, pretrained: bool = True) -> None:
        super().__init__(config, pretrained)
        self.one_pass = config.dataset.train_path is not None

    def forward(
        self, caps: torch.Tensor, cmasks: torch.Tensor, vfeats: torch.Tensor, vmasks: torch.Tensor
    ) -> Pooled:
        """Return pooled vectors and hidden states; see :class:`mmpt.types.ModelInput` for the arguments."""
        if not self.one_pass:
            return self.encode_apart(caps, cmasks, vfeats, vmasks)
        hidden, seconds = self._hidden(caps, cmasks, vfeats, vmasks), vmasks.shape[1]
        return _pooled(_video_part(hidden, seconds), _text_part(hidden, seconds), cmasks, vmasks)


def joint_mask(cmasks: torch.Tensor, vmasks: torch.Tensor) -> torch.Tensor:
    """Return the mask of ``[CLS] video [SEP] text``, bool (B, T + L), of those of its parts."""
    return torch.cat([cmasks[:, :1], vmasks, cmasks[:, 1:]], dim=1)


def _video_part(hidden: torch.Tensor, seconds: int) -> torch.Tensor:
    return hidden[:, : seconds + 2]


def _text_part(hidden: torch.Tensor, seconds: int) -> torch.Tensor:
    return torch.cat([hidden[:, :1], hidden[:, seconds + 2 :]], dim=1)


def _pooled(
    hidden_video: torch.Tensor, hidden_text: torch.Tensor, cmasks: torch.Tensor, vmasks: torch.Tensor
) -> Pooled:
    return {
        "pooled_video": pool_video(hidden_video, vmasks),
        "pooled_text": pool_text(hidden_text, cmasks),
        "hidden_video": hidden_video,
        "hidden_text": hidden_text,
    }
