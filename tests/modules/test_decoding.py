"""Greedy and beam search on small tables of probabilities, against trying every sentence."""

import itertools
import math
from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmpt.errors import ConfigError
from mmpt.modules.decoding import beam_search, greedy_search

PAD, END, START = 0, 1, 2
WORDS = 5
IDS = {"end_id": END, "pad_id": PAD}


class Table:
    """A model whose next word depends on the last word and the length; it checks what it is told."""

    def __init__(self, prompt, logits):
        self.tokens, self.logits = prompt, logits  # logits: (length, word before, word)
        self.rows_computed = []

    def _next(self):
        self.rows_computed.append(len(self.tokens))
        return self.logits[self.tokens.shape[1], self.tokens[:, -1]]

    def start(self):
        return self._next()

    def step(self, rows, words):
        self.tokens = torch.cat([self.tokens[rows], words[:, None]], dim=1)
        return self._next()


def table(seed, batch=1):
    prompt = torch.full((batch, 1), START)
    return Table(prompt, torch.randn(8, WORDS, WORDS, generator=torch.Generator().manual_seed(seed)) * 2)


def every_sentence(logits, max_length, length_penalty):
    """(score, sentence without its end), over all sentences that end, or are cut at ``max_length``."""
    chances = logits.log_softmax(-1)
    others = [word for word in range(WORDS) if word != END]
    for length in range(1, max_length + 1):
        for words in itertools.product(others, repeat=length - 1):
            sentence = [START, *words]
            total = sum(
                float(chances[i, a, b]) for i, (a, b) in enumerate(itertools.pairwise(sentence), start=1)
            )
            if length < max_length:
                total += float(chances[length, sentence[-1], END])
            yield total / length**length_penalty, sentence


@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.5, 1.0, 2.0]))
def test_with_beams_for_everything_the_best_of_all_sentences_is_found(seed, length_penalty):
    # 4 words that go on, so at most 4³ beginnings of 4 words: 64 beams hold all of them.
    model = table(seed)
    found = beam_search(model, model.tokens, num_beams=64, max_length=4, length_penalty=length_penalty, **IDS)
    _, sentence = max(every_sentence(model.logits, 4, length_penalty))
    assert found[0, : len(sentence)].tolist() == sentence
    assert found[0, len(sentence) :].tolist() in ([], [END])


@given(st.integers(0, 10_000))
def test_greedy_takes_the_best_word_each_time_and_stops_at_the_end(seed):
    model = table(seed)
    expected = [START]
    while len(expected) < 6 and expected[-1] != END:
        expected.append(int(model.logits[len(expected), expected[-1]].argmax()))
    assert greedy_search(model, model.tokens, max_length=6, **IDS)[0].tolist() == expected


@pytest.mark.parametrize("beams", [1, 3])
@given(seeds=st.lists(st.integers(0, 10_000), min_size=2, max_size=4))
def test_sentences_do_not_depend_on_their_neighbours(beams, seeds):
    class Several(Table):
        def __init__(self):
            super().__init__(torch.full((len(seeds), 1), START), None)
            self.owner = torch.arange(len(seeds))
            self.tables = torch.stack([table(seed).logits for seed in seeds])

        def _next(self):
            return self.tables[self.owner, self.tokens.shape[1], self.tokens[:, -1]]

        def step(self, rows, words):
            self.owner = self.owner[rows]
            return super().step(rows, words)

    def write(model):
        if beams == 1:
            return greedy_search(model, model.tokens, max_length=6, **IDS)
        return beam_search(model, model.tokens, num_beams=beams, max_length=6, **IDS)

    together = write(Several())
    for row, seed in zip(together, seeds, strict=True):
        alone = write(table(seed))[0].tolist()
        assert row.tolist()[: len(alone)] == alone
        assert set(row.tolist()[len(alone) :]) <= {PAD}


def test_finished_sentences_are_not_computed_any_more():
    # After [4] comes 4 for ever; after every other word the end.
    logits = torch.zeros(8, WORDS, WORDS)
    logits[:, :, END], logits[:, 4, END], logits[:, 4, 4] = 9, 0, 9
    prompt = torch.tensor([[3], [4]])
    greedy = Table(prompt, logits)
    found = greedy_search(greedy, prompt, max_length=4, **IDS)
    assert found.tolist() == [[3, END, PAD, PAD], [4, 4, 4, 4]]
    assert greedy.rows_computed == [2, 1, 1]
    # The prompt is read once per sentence, then there are two beams of each; the first sentence has two
    # hypotheses after the second word, [3] and [3, another word], and nothing that goes on is better.
    beams = Table(prompt, logits)
    found = beam_search(beams, prompt, num_beams=2, max_length=5, **IDS)
    assert found.tolist() == [[3, END, PAD, PAD, PAD], [4, 4, 4, 4, 4]]
    assert beams.rows_computed == [2, 4, 2, 2]


def test_a_length_penalty_above_one_favours_long_sentences():
    # Ending at once has probability 0.6, a word that then ends surely 0.4: log 0.6 / 1 and log 0.4 / 2^p.
    logits = torch.full((8, WORDS, WORDS), -1e4)
    logits[1, START, END], logits[1, START, 3], logits[2:, 3, END] = math.log(0.6), math.log(0.4), 0
    for penalty, expected in [(0.5, [START, END]), (1.5, [START, 3, END])]:
        # log 0.6 = -0.51; log 0.4 = -0.92: / 2^0.5 = -0.65 is worse, / 2^1.5 = -0.32 is better.
        model = Table(torch.tensor([[START]]), logits)
        found = beam_search(model, model.tokens, num_beams=2, max_length=5, length_penalty=penalty, **IDS)
        assert found[0].tolist() == expected


@pytest.mark.parametrize("search", [greedy_search, partial(beam_search, num_beams=3)])
def test_a_length_without_room_for_a_word_is_refused(search):
    model = table(0)
    with pytest.raises(ConfigError, match="longest caption is 1 tokens, and its prompt alone has 1"):
        search(model, model.tokens, max_length=1, **IDS)
