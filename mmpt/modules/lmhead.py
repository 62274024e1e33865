"""BERT's head of masked language modelling, tied to the word embeddings of the BERT that it sits on.

The attribute names ``predictions``, ``transform``, ``decoder`` and ``bias`` are part of the
checkpoint format.
"""

import torch
from torch import nn
from transformers import BertForMaskedLM, BertModel
from transformers.models.bert.modeling_bert import BertPredictionHeadTransform

from mmpt.modules.bert import load_pretrained
from mmpt.utils import get_logger

__all__ = ["LanguageHead", "PredictionHead", "load_head"]

logger = get_logger(__name__)


class PredictionHead(nn.Module):
    """``transform`` (dense, activation, LayerNorm), then the dot product with every word embedding.

    Args:
        bert: The encoder; its word embeddings are the decoder's weights, one parameter.
        bias: Add one number per word; it is one parameter with the decoder's bias.
    """

    def __init__(self, bert: BertModel, bias: bool = True) -> None:
        super().__init__()
        config = bert.config
        self.transform = BertPredictionHeadTransform(config)
        nn.init.normal_(self.transform.dense.weight, std=config.initializer_range)
        nn.init.zeros_(self.transform.dense.bias)
        # "meta" allocates nothing: the weight is replaced at once.
        self.decoder = nn.Linear(config.hidden_size, config.vocab_size, bias=False, device="meta")
        self.decoder.weight = bert.embeddings.word_embeddings.weight
        if bias:
            self.bias = nn.Parameter(torch.zeros(config.vocab_size))
            self.decoder.bias = self.bias

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the logits (..., V) of hidden states (..., D)."""
        return self.decoder(self.transform(hidden))


class LanguageHead(nn.Module):
    """Holds a :class:`PredictionHead` under the name that checkpoints have for it."""

    def __init__(self, bert: BertModel, bias: bool = True) -> None:
        super().__init__()
        self.predictions = PredictionHead(bert, bias)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the logits (..., V) of hidden states (..., D)."""
        return self.predictions(hidden)


def load_head(bert_name: str, bert: BertModel, pretrained: bool = True, bias: bool = True) -> LanguageHead:
    """Build the head of ``bert``.

    Args:
        bert_name: What ``bert`` was loaded from.
        bert: The encoder.
        pretrained: Load the head's weights too. Where ``bert_name`` has none, as BERTs for other ends
            do, the head starts at random and a warning says so.
        bias: See :class:`PredictionHead`.

    Raises:
        CheckpointError: If the weights are unreadable.
    """
    head = LanguageHead(bert, bias)
    if not pretrained:
        return head
    config = type(bert.config).from_dict({**bert.config.to_dict(), "num_hidden_layers": 1})
    model, missing = load_pretrained(BertForMaskedLM, bert_name, config)
    if any(key.startswith("cls.predictions.transform.") for key in missing):
        logger.warning("dataset.bert_name '%s' holds no language head; the head starts at random.", bert_name)
        return head
    own = head.predictions.state_dict()
    weights = {key: value for key, value in model.cls.predictions.state_dict().items() if key in own}
    del weights["decoder.weight"]  # the word embeddings, which ``bert`` holds already
    head.predictions.load_state_dict(weights, strict=False)
    return head
