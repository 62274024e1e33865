"""Scores of captions against references: BLEU, METEOR, ROUGE-L and CIDEr-D, without Java.

Comes in: N captions and the references of each, as lists of words (see :func:`words`). Goes out: one
number for all of them. BLEU, ROUGE-L and CIDEr-D agree with the usual evaluation code for captions
(coco-caption). METEOR is that of nltk and does not agree with METEOR 1.5: it has the formula of 2005,
and matches exact words and stems but no synonyms.
"""

import math
import operator
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

__all__ = ["METEOR", "bleu", "cider_d", "meteor", "rouge_l", "words"]

METEOR = "METEOR (exact + stem, no synonyms)"
"""What the METEOR of this package is called, so that nobody takes it for another."""

Words = Sequence[str]
ORDERS = (1, 2, 3, 4)
_SIGMA = 6.0  # of the penalty on lengths (CIDEr-D)
_SCALE = 10.0  # CIDEr-D of a caption that is its reference, word by word

_WORD = re.compile(r"\w+")


def words(text: str) -> list[str]:
    """Return the words of a text: lower case, no accents, no punctuation.

    An apostrophe or hyphen separates words, because BERT's tokens do not say where it was: "don't"
    and "don ' t" are the same here.
    """
    plain = unicodedata.normalize("NFD", text.lower())
    return _WORD.findall("".join(letter for letter in plain if not unicodedata.combining(letter)))


def bleu(captions: Sequence[Words], references: Sequence[Sequence[Words]]) -> list[float]:
    """Return BLEU-1 to BLEU-4 of the corpus, 0 to 1 (Papineni et al. 2002), not smoothed.

    Not nltk's, which counts an n-gram more for every caption of fewer than n words.
    """
    matched: Counter[int] = Counter()
    counted: Counter[int] = Counter()
    length = closest = 0
    for caption, answers in zip(captions, references, strict=True):
        own, most = Counter(_grams(caption)), Counter[tuple[str, ...]]()
        for answer in answers:
            most |= Counter(_grams(answer))
        for found, grams in ((counted, own), (matched, own & most)):
            for gram, count in grams.items():
                found[len(gram)] += count
        length += len(caption)
        closest += min(map(len, answers), key=lambda each: (abs(each - len(caption)), each))
    penalty = math.exp(min(0.0, 1 - closest / max(length, 1)))
    products = accumulate((matched[n] / max(counted[n], 1) for n in ORDERS), operator.mul)
    return [penalty * product ** (1 / n) for n, product in zip(ORDERS, products, strict=True)]


def meteor(captions: Sequence[Words], references: Sequence[Sequence[Words]]) -> float:
    """Return the mean METEOR of the captions, each against its best reference, 0 to 1.

    With P and R the shares of words of caption and reference that match, exactly or by their stem
    (Porter), m matches in c runs: ``10 P R / (R + 9 P) · (1 - 0.5 (c / m)³)`` (Banerjee and Lavie 2005).
    """
    from nltk.translate.meteor_score import meteor_score

    scores = [
        meteor_score(answers, caption, wordnet=_NoSynonyms())
        for caption, answers in zip(captions, references, strict=True)
    ]
    return sum(scores) / len(scores)


class _NoSynonyms:
    """Stands where nltk wants WordNet, whose data would have to be downloaded."""

    def synsets(self, word: str) -> list[Any]:
        return []


def rouge_l(captions: Sequence[Words], references: Sequence[Sequence[Words]], beta: float = 1.2) -> float:
    """Return the mean ROUGE-L of the captions, 0 to 1 (Lin 2004).

    With l the longest common subsequence, P and R the largest of l / words of the caption and
    l / words of the reference over the references: ``(1 + β²) P R / (R + β² P)``.

    Args:
        captions: N captions.
        references: The references of each.
        beta: Weight of recall.
    """
    scores = []
    for caption, answers in zip(captions, references, strict=True):
        common = [_longest_common(caption, answer) for answer in answers]
        precision = max(common) / max(len(caption), 1)
        recall = max(length / max(len(answer), 1) for length, answer in zip(common, answers, strict=True))
        divisor = recall + beta**2 * precision
        scores.append((1 + beta**2) * precision * recall / divisor if divisor else 0.0)
    return sum(scores) / len(scores)


def _longest_common(one: Words, other: Words) -> int:
    """Return the length of the longest common subsequence."""
    lengths = [0] * (len(other) + 1)
    for word in one:
        before = lengths
        lengths = [0]
        for column, candidate in enumerate(other):
            same = before[column] + 1 if word == candidate else 0
            lengths.append(max(same, before[column + 1], lengths[column]))
    return lengths[-1]


def cider_d(captions: Sequence[Words], references: Sequence[Sequence[Words]]) -> float:
    """Return CIDEr-D, 0 to 10 (Vedantam et al. 2015, equation 5).

    The n-grams of caption and reference are weighted by how few clips have them in their references,
    so a single clip gets 0. Their cosine, the caption's counts cut to the reference's, times
    ``exp(-(difference of lengths)² / (2·6²))``, is averaged over n = 1...4, references and clips, times 10.
    """
    clips_with = Counter(
        gram for answers in references for gram in {gram for answer in answers for gram in _grams(answer)}
    )
    idf = {gram: math.log(len(references) / count) for gram, count in clips_with.items()}
    unseen = math.log(len(references))
    total = 0.0
    for caption, answers in zip(captions, references, strict=True):
        own = _vectors(caption, idf, unseen)
        for answer in answers:
            penalty = math.exp(-((len(caption) - len(answer)) ** 2) / (2 * _SIGMA**2))
            pairs = zip(own, _vectors(answer, idf, unseen), strict=True)
            similarity = sum(_clipped_cosine(*pair) for pair in pairs) / len(ORDERS)
            total += penalty * similarity / len(answers)
    return _SCALE * total / len(captions)


def _grams(text: Words) -> Iterator[tuple[str, ...]]:
    for order in ORDERS:
        for first in range(len(text) - order + 1):
            yield tuple(text[first : first + order])


def _vectors(
    text: Words, idf: dict[tuple[str, ...], float], unseen: float
) -> list[dict[tuple[str, ...], float]]:
    """Return n-gram -> count times idf, one dictionary per order."""
    vectors: list[dict[tuple[str, ...], float]] = [{} for _ in ORDERS]
    for gram, count in Counter(_grams(text)).items():
        vectors[len(gram) - 1][gram] = count * idf.get(gram, unseen)
    return vectors


def _clipped_cosine(caption: dict[tuple[str, ...], float], answer: dict[tuple[str, ...], float]) -> float:
    norms = math.hypot(*caption.values()) * math.hypot(*answer.values())
    shared = sum(min(value, answer[gram]) * answer[gram] for gram, value in caption.items() if gram in answer)
    return shared / norms if norms else 0.0
