"""Greedy and beam search over a model that keeps its states between words.

Comes in: a :class:`StepModel` and the prompts (B, P) that it has read. Goes out: word ids (B, N), the
prompt included. Sentences that have ended take no part in further steps.

Beam search scores a sentence with the sum of its words' log-probabilities, its end included, over
its length, prompt included, to the power of the length penalty.
"""

from dataclasses import dataclass, field
from typing import Protocol

import torch

from mmpt.errors import ConfigError

__all__ = ["StepModel", "beam_search", "greedy_search"]

_NEVER = -1e9
"""Score of the beams 2...n before the first word: they equal beam 1 and must not be chosen."""

Candidate = tuple[float, int, int]
"""Sum of log-probabilities, beam that is continued, word."""


class StepModel(Protocol):
    """Gives the logits of the next word; keeps the states of the words that it has seen, row by row."""

    def start(self) -> torch.Tensor:
        """Read the prompts and return the logits (B, V) of the first word."""

    def step(self, rows: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
        """Continue some rows of the step before by one word each.

        Args:
            rows: Which rows, int64 (R,); a row may appear several times or not at all.
            words: Their next words, int64 (R,).

        Returns:
            Logits (R, V) of the words after; these are the rows of the next step.
        """


@dataclass
class _Hypotheses:
    """The best finished sentences of one item."""

    most: int
    length_penalty: float
    kept: list[tuple[float, torch.Tensor]] = field(default_factory=list)

    def score(self, total: float, length: int) -> float:
        return total / length**self.length_penalty

    def add(self, tokens: torch.Tensor, total: float) -> None:
        self.kept.append((self.score(total, len(tokens)), tokens))
        self.kept.sort(key=lambda pair: pair[0])
        del self.kept[: -self.most]

    def is_done(self, best_total: float, length: int) -> bool:
        """Whether no sentence that goes on from ``best_total`` could still be better."""
        return len(self.kept) == self.most and self.kept[0][0] >= self.score(best_total, length)


def greedy_search(
    model: StepModel, prompt: torch.Tensor, *, max_length: int, end_id: int, pad_id: int
) -> torch.Tensor:
    """Take the most probable word at each step.

    Args:
        model: It has not started yet.
        prompt: Word ids, int64 (B, P).
        max_length: Most words of a sentence, the prompt included.
        end_id: Word that ends a sentence; it is kept.
        pad_id: What follows the end.

    Returns:
        Word ids, int64 (B, N) with N at most ``max_length``.

    Raises:
        ConfigError: If ``max_length`` leaves no room beyond the prompt.
    """
    _check_room(prompt, max_length)
    output = prompt.new_full((len(prompt), max_length), pad_id)
    output[:, : prompt.shape[1]] = prompt
    sentences = torch.arange(len(prompt), device=prompt.device)
    logits = model.start()
    for place in range(prompt.shape[1], max_length):
        words = logits.argmax(-1)
        output[sentences, place] = words
        going = (words != end_id).nonzero().squeeze(1)
        sentences = sentences[going]
        if not len(sentences) or place + 1 == max_length:
            break
        logits = model.step(going, words[going])
    return output[:, : place + 1]


def beam_search(
    model: StepModel,
    prompt: torch.Tensor,
    *,
    num_beams: int,
    max_length: int,
    end_id: int,
    pad_id: int,
    length_penalty: float = 1.0,
) -> torch.Tensor:
    """Keep the ``num_beams`` best beginnings of each sentence at each step; return the best sentence.

    Args:
        model: See :func:`greedy_search`; so are the arguments not named here.
        prompt: Word ids, int64 (B, P).
        num_beams: Beginnings kept per sentence.
        max_length: Most words of a sentence, the prompt included.
        end_id: Word that ends a sentence; it follows the best one where there is room.
        pad_id: What follows the end.
        length_penalty: Exponent of the length that a score is divided by; more favours long sentences.

    Returns:
        Word ids, int64 (B, N) with N at most ``max_length``.

    Raises:
        ConfigError: If ``max_length`` leaves no room beyond the prompt.
    """
    _check_room(prompt, max_length)
    finished = [_Hypotheses(num_beams, length_penalty) for _ in prompt]
    active = list(range(len(prompt)))  # items that are not done
    tokens = prompt.repeat_interleave(num_beams, 0)
    totals = torch.full((len(prompt), num_beams), _NEVER, device=prompt.device)
    totals[:, 0] = 0.0
    # The prompt is read once per item: all its beams start from that one row of the model.
    rows = torch.arange(len(prompt), device=prompt.device).repeat_interleave(num_beams)
    logits = model.start()[rows]
    while True:
        going: list[Candidate] = []
        still_active = []
        for number, candidates in enumerate(_candidates(logits, totals)):
            first, item = number * num_beams, active[number]
            chosen = _finish_or_go_on(candidates, tokens[first : first + num_beams], finished[item], end_id)
            if not finished[item].is_done(candidates[0][0], tokens.shape[1]):
                still_active.append(item)
                going += [(total, first + beam, word) for total, beam, word in chosen]
        active = still_active
        if not active:
            break
        beams = torch.tensor([beam for _, beam, _ in going], device=prompt.device)
        words = torch.tensor([word for _, _, word in going], device=prompt.device)
        totals = torch.tensor([total for total, _, _ in going], device=prompt.device).view(-1, num_beams)
        tokens = torch.cat([tokens[beams], words[:, None]], dim=1)
        if tokens.shape[1] == max_length:
            break
        logits = model.step(rows[beams], words)
        rows = torch.arange(len(words), device=prompt.device)
    for row, total in enumerate(totals.flatten().tolist() if active else []):
        finished[active[row // num_beams]].add(tokens[row], total)
    return _padded([each.kept[-1][1] for each in finished], max_length, end_id, pad_id)


def _candidates(logits: torch.Tensor, totals: torch.Tensor) -> list[list[Candidate]]:
    """Return the 2·n best continuations of each item, best first.

    Twice as many as beams: n of them may be ends, and n still go on.
    """
    items, num_beams = totals.shape
    sums = logits.float().log_softmax(-1).view(items, num_beams, -1) + totals[:, :, None]
    vocabulary = sums.shape[2]
    values, places = sums.flatten(1).topk(2 * num_beams)
    return [
        [(total, place // vocabulary, place % vocabulary) for total, place in zip(*pair, strict=True)]
        for pair in zip(values.tolist(), places.tolist(), strict=True)
    ]


def _finish_or_go_on(
    candidates: list[Candidate], tokens: torch.Tensor, finished: _Hypotheses, end_id: int
) -> list[Candidate]:
    """Add the sentences that end to ``finished`` and return the n that go on.

    Args:
        candidates: Continuations, best first; an end that is not among the n best is ignored.
        tokens: What they continue, (n, length).
        finished: Where sentences go, without their end.
        end_id: The word that ends a sentence.
    """
    num_beams, going = len(tokens), []
    for rank, (total, beam, word) in enumerate(candidates):
        if word != end_id:
            going.append((total, beam, word))
        elif rank < num_beams:
            finished.add(tokens[beam], total)
    return going[:num_beams]


def _padded(sentences: list[torch.Tensor], max_length: int, end_id: int, pad_id: int) -> torch.Tensor:
    longest = max(map(len, sentences))
    output = sentences[0].new_full((len(sentences), min(longest + 1, max_length)), pad_id)
    for row, sentence in zip(output, sentences, strict=True):
        row[: len(sentence)] = sentence
        row[len(sentence) : len(sentence) + 1] = end_id
    return output


def _check_room(prompt: torch.Tensor, max_length: int) -> None:
    if max_length <= prompt.shape[1]:
        raise ConfigError(
            f"The longest caption is {max_length} tokens, and its prompt alone has {prompt.shape[1]}. "
            "Raise model.max_decode_length (or gen_param.max_length), which counts the prompt."
        )
