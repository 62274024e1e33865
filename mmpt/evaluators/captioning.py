"""Captioning: write a caption for every clip, and compare it with what people wrote."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mmpt.config import TaskConfig
from mmpt.errors import ConfigError, DataError
from mmpt.evaluators.caption_scores import METEOR, ORDERS, bleu, cider_d, meteor, rouge_l, words
from mmpt.evaluators.metric import Metric
from mmpt.evaluators.predictor import Forward, Predictions, Predictor
from mmpt.registry import nearest
from mmpt.utils.tokenizer import load_tokenizer

__all__ = ["NLGMetric", "NLGPredictor"]

_INPUTS = ("caps", "cmasks", "vfeats", "vmasks", "attention_mask")
_COUNT = "a whole number of at least 1"
_OPTIONS = {"num_beams": _COUNT, "max_length": _COUNT, "length_penalty": "a number"}
_CLIPS_AT_ONCE = 32
"""Clips written at a time: BERT base with 5 beams and 24 tokens keeps 4 MB of states per beam."""
_EXAMPLES = 5


@runtime_checkable
class _Writer(Protocol):
    """A model that writes, such as ``MMFusionNLG``."""

    def generate(self, **inputs: Any) -> torch.Tensor: ...


class NLGPredictor(Predictor):
    """Writes captions; ``gen_param`` of the task gives ``num_beams``, ``max_length``, ``length_penalty``.

    Items about the same clip become one item with several references.

    Args:
        config: The task.

    Raises:
        ConfigError: If ``gen_param`` holds another option, or a wrong value.
    """

    def __init__(self, config: TaskConfig) -> None:
        super().__init__(config)
        self.options = _checked_options(config.gen_param)
        self.tokenizer = load_tokenizer(config.dataset.bert_name, config.dataset.use_fast)

    def reset(self) -> None:
        """Forget everything collected."""
        self._captions: dict[str, str] = {}
        self._references: dict[str, list[str]] = {}
        self._ids: dict[str, str] = {}

    def run(self, model: nn.Module, batch: Mapping[str, Any], forward: Forward) -> Mapping[str, torch.Tensor]:
        """Return ``generated``: what ``model.generate`` writes for the batch, int64 (B, N).

        Raises:
            ConfigError: If the model writes nothing, or the aligner gives no prompts.
        """
        if not isinstance(model, _Writer) or not {*_INPUTS, "text"} <= batch.keys():
            raise ConfigError(
                f"NLGPredictor needs a model that writes captions and prompts for it; the model is "
                f"{type(model).__name__} and the batches hold {', '.join(sorted(batch))}. Use MMFusionNLG, "
                "DSNLGAligner and the split 'test'."
            )
        parts = [
            model.generate(
                **{name: batch[name][first : first + _CLIPS_AT_ONCE] for name in _INPUTS}, **self.options
            )
            for first in range(0, len(batch["caps"]), _CLIPS_AT_ONCE)
        ]
        width = max(part.shape[1] for part in parts)
        pad = self.tokenizer.pad_token_id
        padded = [nn.functional.pad(part, (0, width - part.shape[1]), value=pad) for part in parts]
        return {"generated": torch.cat(padded)}

    def process(self, batch: Mapping[str, Any], outputs: Mapping[str, torch.Tensor]) -> None:
        """Keep captions and references, by ``clip``.

        Args:
            batch: Lists ``clip``, ``text`` and ``video_id``; ``caps``, the prompts (B, P).
            outputs: ``generated``, token ids (B, N) that begin with the prompts.
        """
        prompt = batch["caps"].shape[1]
        lines = zip(
            batch["clip"], batch["text"], batch["video_id"], outputs["generated"].tolist(), strict=True
        )
        for clip, text, video_id, ids in lines:
            self._captions.setdefault(clip, self._text(ids[prompt:]))
            self._references.setdefault(clip, []).append(text)
            self._ids.setdefault(clip, str(video_id))

    def _text(self, ids: list[int]) -> str:
        end = self.tokenizer.sep_token_id
        ids = ids[: ids.index(end)] if end in ids else ids
        return self.tokenizer.decode(ids, skip_special_tokens=True).strip()

    def finalize(self) -> Predictions:
        """Return unicode arrays: ``captions`` and ``clips`` (N,), and ``references`` (R,).

        Those of clip i are ``references[reference_starts[i]:reference_starts[i + 1]]``.

        Raises:
            DataError: If nothing was collected.
        """
        if not self._captions:
            raise DataError("There is nothing to predict: not a single batch was processed.")
        counts = [len(texts) for texts in self._references.values()]
        arrays = {
            "captions": np.array(list(self._captions.values()), dtype=np.str_),
            "references": np.array([text for texts in self._references.values() for text in texts], np.str_),
            "reference_starts": np.concatenate([[0], np.cumsum(counts)]),
            "clips": np.array(list(self._captions), dtype=np.str_),
        }
        totals = {"clips": len(counts), "references": sum(counts)}
        return Predictions(arrays, list(self._ids.values()), totals)


class NLGMetric(Metric):
    """BLEU-4 to BLEU-1, METEOR, ROUGE-L and CIDEr-D, see :mod:`mmpt.evaluators.caption_scores`."""

    names = (*(f"BLEU-{order}" for order in reversed(ORDERS)), METEOR, "ROUGE-L", "CIDEr-D")
    # CIDEr-D runs from 0 to 10; papers print it times 100 like the others.
    percent = frozenset(names)

    def compute(
        self, captions: NDArray, references: NDArray, reference_starts: NDArray, clips: NDArray | None = None
    ) -> dict[str, float]:
        """Return all scores.

        Args:
            captions: One per clip, unicode (N,).
            references: Of all clips, one clip after the other, unicode (R,).
            reference_starts: First reference of each clip, and R at the end, int64 (N + 1,).
            clips: Names of the clips; not read.

        Raises:
            DataError: If there is no clip, or one without a reference.
        """
        answers = _grouped(captions, references, reference_starts)
        return _scores([words(caption) for caption in captions.tolist()], answers)

    def baseline(
        self, captions: NDArray, references: NDArray, reference_starts: NDArray, clips: NDArray | None = None
    ) -> dict[str, float]:
        """Return the scores of one caption for all clips, see :func:`trivial_caption`."""
        caption, _ = trivial_caption(references.tolist())
        answers = _grouped(captions, references, reference_starts)
        return _scores([caption.split()] * len(answers), answers)

    def details(
        self, captions: NDArray, references: NDArray, reference_starts: NDArray, clips: NDArray | None = None
    ) -> dict[str, Any]:
        """Return which METEOR this is, the caption of the baseline, how captions vary, and a few of them."""
        caption, kind = trivial_caption(references.tolist())
        given = captions.tolist()
        examples = [
            {
                "clip": None if clips is None else str(clips[i]),
                "caption": given[i],
                "references": references[reference_starts[i] : reference_starts[i + 1]].tolist(),
            }
            for i in range(min(_EXAMPLES, len(given)))
        ]
        return {
            "notes": [
                f"baseline: '{caption}' for every clip: {kind}",
                f"{METEOR}: the formula of 2005, not that of METEOR 1.5, which scores otherwise",
                "words count in lower case, without accents, punctuation, apostrophes and hyphens",
            ],
            "different_captions": len(set(given)),
            "captions_without_words": sum(not words(text) for text in given),
            "examples": examples,
        }


def trivial_caption(references: Sequence[str]) -> tuple[str, str]:
    """Return the one caption that knows nothing of the video, and what it is.

    It is the most frequent reference; where no two are the same, the most frequent words, as many as
    a reference has on average. As it is taken from the references themselves, it is hard to beat by chance.
    """
    lists = [words(reference) for reference in references]
    (caption, count), *_ = Counter(map(" ".join, lists)).most_common(1)
    if count > 1:
        return caption, f"the most frequent reference ({count} of {len(references)})"
    length = max(round(sum(map(len, lists)) / len(lists)), 1)
    common = Counter(word for each in lists for word in each).most_common(length)
    return " ".join(word for word, _ in common), "the most frequent words; no two references are the same"


def _scores(captions: list[list[str]], references: list[list[list[str]]]) -> dict[str, float]:
    orders = dict(zip((f"BLEU-{order}" for order in ORDERS), bleu(captions, references), strict=True))
    return {
        **dict(reversed(orders.items())),
        METEOR: meteor(captions, references),
        "ROUGE-L": rouge_l(captions, references),
        "CIDEr-D": cider_d(captions, references),
    }


def _grouped(captions: NDArray, references: NDArray, starts: NDArray) -> list[list[list[str]]]:
    """Return the words of each reference of each clip."""
    if not len(captions) or len(starts) != len(captions) + 1 or (np.diff(starts) < 1).any():
        raise DataError(
            f"There are {len(captions)} captions and references for {len(starts) - 1} clips; "
            "every clip needs a caption and at least one reference, and there must be a clip."
        )
    lists = [words(reference) for reference in references.tolist()]
    return [lists[first:last] for first, last in pairwise(starts)]


def _checked_options(options: Mapping[str, Any]) -> dict[str, Any]:
    for key, value in options.items():
        if key not in _OPTIONS:
            close = nearest(key, _OPTIONS)
            raise ConfigError(
                f"gen_param holds '{key}'{f'; did you mean {close!r}?' if close else ','} "
                f"allowed are {', '.join(_OPTIONS)}."
            )
        kind = int if _OPTIONS[key] == _COUNT else (int, float)
        if isinstance(value, bool) or not isinstance(value, kind) or (kind is int and value < 1):
            raise ConfigError(f"gen_param.{key} is {value!r}; {_OPTIONS[key]} is expected.")
    return dict(options)
