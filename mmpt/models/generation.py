"""Captioning: the text is written word by word while it sees the video (VLM, section 4.2).

``[CLS] video [SEP]`` sees only itself, and each word sees that and the words before it. So nothing
that was computed changes when a word is added: keys and values of all layers are kept, and a step
computes one token per sentence.
"""

from typing import Any

import torch
from transformers import DynamicCache

from mmpt.config import TaskConfig
from mmpt.errors import ConfigError, DataError
from mmpt.models.mmfusion import MMFusion, build_encoder, check_encoder
from mmpt.models.transformermodel import MMBertForEncoder
from mmpt.modules.decoding import beam_search, greedy_search
from mmpt.modules.lmhead import load_head
from mmpt.modules.mmbert import next_word, run_bert, video_sequence
from mmpt.types import IGNORED

__all__ = ["MMBertForNLG", "MMFusionNLG"]


class MMBertForNLG(MMBertForEncoder):
    """The encoder with BERT's language head, ``cls``; see :class:`MMBertForEncoder` for the arguments."""

    def __init__(
        self, config: TaskConfig, num_hidden_layers: int | None = None, pretrained: bool = True
    ) -> None:
        super().__init__(config, num_hidden_layers, pretrained)
        self.cls = load_head(config.dataset.bert_name, self.bert, pretrained)


class MMFusionNLG(MMFusion):
    """Writes captions. In ``model``: ``max_decode_length``, the longest caption with its prompt.

    Raises:
        ConfigError: If ``model.mm_encoder_cls`` is not ``MMBertForNLG``.
    """

    def __init__(self, config: TaskConfig, pretrained: bool = True) -> None:
        super().__init__(config, pretrained)
        self.mm_encoder: MMBertForNLG = build_encoder(config, "mm_encoder_cls", pretrained=pretrained)
        check_encoder(self, self.mm_encoder, "mm_encoder_cls", MMBertForNLG)

    def forward(
        self,
        caps: torch.Tensor,
        cmasks: torch.Tensor,
        vfeats: torch.Tensor,
        vmasks: torch.Tensor,
        attention_mask: torch.Tensor,
        text_label: torch.Tensor | None = None,
    ) -> dict[str, torch.Tensor]:
        """Return the logits of the word after each word.

        Args:
            caps: ``[CLS] [SEP] [CLS]`` and the caption, int64 (B, L).
            cmasks: Not read: ``attention_mask`` says all.
            vfeats: Video features (B, T, 512).
            vmasks: Not read.
            attention_mask: Who sees whom, bool (B, T + L, T + L).
            text_label: The next word, or -100 where none is asked for, int64 (B, L).

        Returns:
            ``logits`` (B, L, V); with labels only those that are asked for, (N, V) in the order of
            ``text_label``.
        """
        hidden = self.mm_encoder(caps, vfeats, attention_mask, remove_padding=self.remove_padding)
        hidden = torch.cat([hidden[:, :1], hidden[:, vfeats.shape[1] + 1 :]], dim=1)
        if text_label is not None:
            hidden = hidden[text_label != IGNORED]
        return {"logits": self.mm_encoder.cls(hidden)}

    @torch.no_grad()
    def generate(
        self,
        caps: torch.Tensor,
        cmasks: torch.Tensor,
        vfeats: torch.Tensor,
        vmasks: torch.Tensor,
        attention_mask: torch.Tensor,
        *,
        num_beams: int = 1,
        max_length: int | None = None,
        length_penalty: float = 1.0,
    ) -> torch.Tensor:
        """Write one caption per clip, see :mod:`mmpt.modules.decoding`.

        Args:
            caps: The prompts ``[CLS] [SEP] [CLS]``, int64 (B, P).
            cmasks: Not read: ``attention_mask`` says all.
            vfeats: Video features (B, T, 512).
            vmasks: Not read.
            attention_mask: Who sees whom in the longest sequence, bool (B, T + L, T + L).
            num_beams: Beginnings kept at each step; 1 is greedy search.
            max_length: Longest caption, prompt included; ``model.max_decode_length`` by default, else L.
            length_penalty: Beam search: more than 1 favours long captions.

        Returns:
            Token ids, prompt included, ``[SEP]`` after the caption if there is room, and ``[PAD]``;
            int64 (B, N).

        Raises:
            ConfigError: If ``max_length`` is more than L or not more than P, or a number is not positive.
            DataError: If the mask lets the video or the prompt's past see text that is not yet written.
        """
        room = attention_mask.shape[1] - vfeats.shape[1]
        longest = max_length or self.config.model.max_decode_length or room
        _check(num_beams, longest, room)
        states = CaptionStates(self.mm_encoder, caps, vfeats, attention_mask)
        ends: dict[str, Any] = {
            "max_length": longest,
            "end_id": int(caps[0, 1]),  # the prompt's own [SEP]
            "pad_id": self.mm_encoder.bert.config.pad_token_id,
        }
        if num_beams == 1:
            return greedy_search(states, caps, **ends)
        return beam_search(states, caps, num_beams=num_beams, length_penalty=length_penalty, **ends)


class CaptionStates:
    """Keys and values of all that was read and written, per caption in the making.

    It is a :class:`mmpt.modules.decoding.StepModel`; see :meth:`MMFusionNLG.generate` for the arguments.
    """

    def __init__(
        self,
        encoder: MMBertForNLG,
        prompt: torch.Tensor,
        vfeats: torch.Tensor,
        attention_mask: torch.Tensor,
    ) -> None:
        self.encoder, self.prompt, self.vfeats = encoder, prompt, vfeats
        self.mask = attention_mask.bool()
        self.cache = DynamicCache()
        self.length = vfeats.shape[1] + prompt.shape[1]
        if self.mask.triu(1)[:, :, self.length :].any():
            raise DataError(
                "The attention_mask lets a position see text after it, so captions cannot be written word "
                "by word. Use the mask of DSNLGAligner (mask_type 'textgen')."
            )

    def start(self) -> torch.Tensor:
        """Read the video and the prompt; return the logits of the first word, (B, V)."""
        tokens = self.encoder.video_tokens(self.vfeats)
        mask = self.mask[:, : self.length, : self.length]
        sequence = video_sequence(self.encoder.bert, self.prompt, tokens, mask, self.encoder.max_video_len)
        hidden = run_bert(self.encoder.bert, sequence, cache=self.cache)
        return self.encoder.cls(hidden[:, -1])

    def step(self, rows: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
        """Continue ``rows`` by ``words``; return the logits of the next word, (R, V)."""
        self.cache.reorder_cache(rows)
        self.mask = self.mask[rows]
        self.length += 1
        mask = self.mask[:, self.length - 1 : self.length, : self.length]
        place = self.length - 1 + self.encoder.max_video_len - self.vfeats.shape[1]
        sequence = next_word(self.encoder.bert, words, place, mask)
        hidden = run_bert(self.encoder.bert, sequence, cache=self.cache)
        return self.encoder.cls(hidden[:, -1])


def _check(num_beams: int, longest: int, room: int) -> None:
    if num_beams < 1 or longest > room:
        what = (
            f"gen_param.num_beams is {num_beams}; give at least 1"
            if num_beams < 1
            else f"The longest caption is {longest} tokens (model.max_decode_length or gen_param.max_length) "
            f"and dataset.max_len leaves {room} beside the video; give at most that many"
        )
        raise ConfigError(f"{what}.")
