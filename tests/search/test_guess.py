"""Large indexes: seconds are found without looking at all."""

import numpy as np
import pytest
import torch
from small_index import files

from mmpt.search import Index, Searcher, build_index, guess, publish
from mmpt.search.guess import Guess
from mmpt.search.nearest import Matrix, best_rows

pytest.importorskip("faiss")


@pytest.fixture(scope="module")
def rows():
    """Vectors of different lengths around 40 topics."""
    rng = np.random.default_rng(0)
    topics = rng.normal(size=(40, 48))[rng.integers(40, size=4000)]
    lengths = rng.uniform(0.5, 2, size=(4000, 1))
    return torch.from_numpy((topics + rng.normal(size=(4000, 48)) / 2) * lengths).half()


def test_most_of_the_best_rows_are_found_whatever_their_lengths(rows, monkeypatch):
    monkeypatch.setattr(guess, "GUESSED", 400)
    longest = float(rows.float().norm(dim=1).max())
    learnt = Guess.build(rows, longest)
    rng = np.random.default_rng(1)
    shares = []
    for query in rows[rng.integers(4000, size=20)].float():
        exact = best_rows([Matrix(rows, longest)], query, 20)
        found = best_rows([Matrix(rows, longest, (), learnt)], query, 20)
        shares.append(np.isin(exact.row, found.row).mean())
        # What is found in both ways has the same score.
        scores = dict(zip(exact.row, exact.score, strict=True))
        assert all(scores.get(row, score) == score for row, score in zip(found.row, found.score, strict=True))
    assert np.mean(shares) > 0.9


def test_removed_rows_are_not_guessed(rows):
    longest = float(rows.float().norm(dim=1).max())
    learnt = Guess.build(rows[:500], longest)
    found = best_rows([Matrix(rows[:500], longest, [slice(0, 400)], learnt)], rows[0].float(), 500)
    assert found.row.min() >= 400


def test_a_large_index_learns_once_and_finds_the_same(own, model, monkeypatch):
    before = Searcher.open(own / "index", model).search("red", 50)
    monkeypatch.setattr(publish, "EXACT_UP_TO", 20)
    monkeypatch.setattr(publish, "MOST_SECONDS", 40)
    for _ in range(2):
        build_index([own / "videos"], own / "index", model)
    index = Index.open(own / "index")
    assert [len(segment.record.files) for segment in index.segments] == [3]
    assert index.meta.generation == 2  # published once
    assert index.segments[0].guess is not None
    assert index.verify() == []
    there, named = files(own / "index")
    assert there == named
    assert Searcher(index, model).search("red", 50) == before  # 24 seconds: all of them are guessed
    monkeypatch.setattr("mmpt.search.segment.has_faiss", lambda: False)
    assert Index.open(own / "index").segments[0].guess is None  # looked at one by one
