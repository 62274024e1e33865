"""BERT over video and text tokens, on top of transformers' own ``BertModel``.

Comes in: token ids and video tokens. Goes out: hidden states. A sequence is one of::

    [CLS] video [SEP] text      positions 0..T, M+1...   types 0 for [CLS] video [SEP], 1 for text
    [CLS] text                  positions 0, M+2...      types 0 for [CLS], 1 for text

with T video tokens out of at most M = ``max_video_len``: text has the same positions whatever T is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import BertModel
from transformers.cache_utils import Cache

from mmpt.errors import DataError
from mmpt.modules.attention import additive_mask
from mmpt.modules.packing import Packing

__all__ = [
    "TokenSequence",
    "embed_words",
    "next_word",
    "plain_sequence",
    "run_bert",
    "text_sequence",
    "video_sequence",
]


@dataclass(frozen=True)
class TokenSequence:
    """What BERT reads: (B, N) tokens as vectors, with their places."""

    embeds: torch.Tensor
    """Word embeddings and video tokens, (B, N, D)."""
    position_ids: torch.Tensor
    """Position of each token, int64 (N,)."""
    token_type_ids: torch.Tensor
    """0 for [CLS], video and [SEP], 1 for text, int64 (N,)."""
    mask: torch.Tensor
    """True at tokens that may be attended to, bool (B, N); or who sees whom, (B, N, N): row, column."""

    @property
    def read_tokens(self) -> torch.Tensor:
        """True at tokens that some token attends to, bool (B, N): the rest is padding.

        Where one of them sees nothing, attention treats it as if it saw everything: all count then.
        """
        if self.mask.dim() == 2:
            return self.mask
        read = self.mask.any(1)
        return read | (read & ~self.mask.any(2)).any(1, keepdim=True)


def embed_words(bert: BertModel, ids: torch.Tensor) -> torch.Tensor:
    """Return the word embeddings of ``ids`` (B, N): (B, N, D).

    Raises:
        DataError: If an id is outside the vocabulary (seen on CPU only, where it costs nothing).
    """
    try:
        return bert.embeddings.word_embeddings(ids)
    except IndexError as error:
        raise DataError(
            f"A token id is {int(ids.max())} and the model's vocabulary has {bert.config.vocab_size} words. "
            "The text was tokenised with another dataset.bert_name; tokenise it again with the model's."
        ) from error


def video_sequence(
    bert: BertModel, ids: torch.Tensor, video_tokens: torch.Tensor, mask: torch.Tensor, max_video_len: int
) -> TokenSequence:
    """Build ``[CLS] video [SEP] text`` from ids (B, 2 + text) and video tokens (B, T, D).

    ``mask``, see :class:`TokenSequence`, and the result are in the order of the sequence.
    """
    num_video = video_tokens.shape[1]
    words = embed_words(bert, ids)
    embeds = torch.cat([words[:, :1], video_tokens.to(words.dtype), words[:, 1:]], dim=1)
    places = torch.arange(embeds.shape[1], device=ids.device)
    after_video = places > num_video
    position_ids = places + after_video * (max_video_len - num_video)
    return TokenSequence(embeds, position_ids, (places > num_video + 1).long(), mask.bool())


def text_sequence(
    bert: BertModel, ids: torch.Tensor, mask: torch.Tensor, max_video_len: int
) -> TokenSequence:
    """Build ``[CLS] text`` from ids (B, N), at the positions that the text has beside a video."""
    places = torch.arange(ids.shape[1], device=ids.device)
    is_text = places > 0
    position_ids = places + is_text * (max_video_len + 1)
    return TokenSequence(embed_words(bert, ids), position_ids, is_text.long(), mask.bool())


def plain_sequence(bert: BertModel, ids: torch.Tensor, mask: torch.Tensor) -> TokenSequence:
    """Build a sequence of text alone as BERT itself does: positions from 0, type 0."""
    places = torch.arange(ids.shape[1], device=ids.device)
    return TokenSequence(embed_words(bert, ids), places, torch.zeros_like(places), mask.bool())


def next_word(bert: BertModel, words: torch.Tensor, place: int, mask: torch.Tensor) -> TokenSequence:
    """Build the sequence of one more word per row, behind what a cache holds.

    Args:
        bert: The encoder.
        words: Token ids of the text, int64 (B,).
        place: Position of all of them.
        mask: What they see, themselves last, bool (B, 1, length).
    """
    one = torch.ones(1, dtype=torch.long, device=words.device)
    return TokenSequence(embed_words(bert, words[:, None]), place * one, one, mask)


def run_bert(
    bert: BertModel,
    sequence: TokenSequence,
    layer: int | None = None,
    layer_masks: Sequence[torch.Tensor] | None = None,
    remove_padding: bool = False,
    cache: Cache | None = None,
) -> torch.Tensor:
    """Return the hidden states of a layer, (B, N, D).

    Args:
        bert: The encoder; built by :func:`mmpt.modules.bert.load_bert`.
        sequence: Its input.
        layer: Number of layers after which to read; None reads the last.
        layer_masks: One additive mask per layer, (B, 1, N, N), instead of the sequence's own.
        remove_padding: Compute only the tokens that are attended to. Their hidden states are the
            same up to rounding; those of padding are zeros.
        cache: Keys and values of the tokens before ``sequence``, which its own are added to. The
            sequence's mask is then (B, N, tokens in the cache + N).
    """
    packing = Packing.from_mask(sequence.read_tokens) if remove_padding else None
    if packing is not None and packing.is_full:
        packing = None
    batch = sequence.embeds.shape[0]
    embeds = sequence.embeds
    position_ids = sequence.position_ids.expand(batch, -1)
    token_type_ids = sequence.token_type_ids.expand(batch, -1)
    if packing is not None:
        embeds, position_ids, token_type_ids = map(packing.pack, (embeds, position_ids, token_type_ids))
    output = bert(
        inputs_embeds=embeds,
        position_ids=position_ids,
        token_type_ids=token_type_ids,
        attention_mask=additive_mask(_pairs(sequence.mask), embeds.dtype),
        output_hidden_states=False if layer is None else [layer],
        layer_masks=layer_masks,
        packing=packing,
        past_key_values=cache,
    )
    hidden = output.last_hidden_state if layer is None else output.hidden_states[layer]
    return hidden if packing is None else packing.unpack(hidden)


def _pairs(mask: torch.Tensor) -> torch.Tensor:
    """Return a mask (B, N) or (B, N, N) as one that broadcasts to (B, heads, N, N)."""
    return mask[:, None, None, :] if mask.dim() == 2 else mask[:, None]
