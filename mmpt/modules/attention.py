"""The attention function that mmpt registers with transformers, and its additive masks.

It is the stock scaled-dot-product attention with two additions that reach it as keywords of
``BertModel.forward``: one mask per layer, and padding removal. So no part of BERT is copied.
"""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from mmpt.modules.packing import Packing

__all__ = ["ATTENTION", "additive_mask"]

ATTENTION = "mmpt_sdpa"
"""Name of the attention function: pass it as ``attn_implementation``."""

# Finite on purpose: a row that sees nothing then attends to everything alike instead of giving NaN.
_HIDDEN = -10000.0


def additive_mask(visible: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Return 0 where ``visible`` (any shape, bool) and -10000 elsewhere."""
    return torch.zeros(visible.shape, dtype=dtype, device=visible.device).masked_fill(~visible, _HIDDEN)


def _attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    layer_masks: Sequence[torch.Tensor] | None = None,
    packing: Packing | None = None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """Attend within (B, heads, L, d); see ``sdpa_attention_forward`` for the other arguments.

    Args:
        module: The attention layer; its ``layer_idx`` picks the mask.
        query: (B, heads, L, d), or (1, heads, N, d) if packed. So are ``key`` and ``value``.
        key: See ``query``.
        value: See ``query``.
        attention_mask: Additive (or boolean) mask that broadcasts to (B, heads, L, L).
        layer_masks: One such mask per layer, instead of ``attention_mask``.
        packing: How the tokens are packed, if they are.
        options: Passed on: dropout and scaling.
    """
    mask = attention_mask if layer_masks is None else layer_masks[int(module.layer_idx)]  # type: ignore[arg-type]
    if mask is not None and mask.is_floating_point():
        mask = mask.to(query.dtype)  # autocast computes in a lower precision than the embeddings
    if packing is None:
        return sdpa_attention_forward(module, query, key, value, mask, **options)
    query, key, value = (
        packing.unpack(tensor.transpose(1, 2)).transpose(1, 2) for tensor in (query, key, value)
    )
    output, _ = sdpa_attention_forward(module, query, key, value, mask, **options)
    return packing.pack(output), None


AttentionInterface.register(ATTENTION, _attention)
# Without a mask function transformers drops 2-D masks silently.
AttentionMaskInterface.register(ATTENTION, sdpa_mask)
