"""Retrieval metric: golden values, fast against naive ranks, ties, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mmpt.catalog import METRICS
from mmpt.errors import DataError
from mmpt.evaluators.metric import Metric, RetrievalMetric, retrieval_ranks


def naive_rank(row, own):
    """Count one by one the others that score at least as much."""
    return 1 + sum(1 for j, score in enumerate(row) if j != own and score >= row[own])


def square_matrices(largest=12):
    # Few distinct values, so that ties are common.
    scores = st.sampled_from([-1.0, 0.0, 0.5, 0.5000001, 2.0])
    return st.integers(1, largest).flatmap(lambda n: arrays(np.float64, (n, n), elements=scores))


@given(square_matrices())
def test_fast_ranks_equal_naive_ranks_with_ties(scores):
    assert retrieval_ranks(scores).tolist() == [naive_rank(row, i) for i, row in enumerate(scores)]


@given(square_matrices(), st.randoms())
def test_renumbering_the_pairs_changes_no_metric(scores, random):
    order = list(range(len(scores)))
    random.shuffle(order)
    metric = RetrievalMetric()
    assert metric.compute(scores) == metric.compute(scores[np.ix_(order, order)])


def test_ranks_cross_the_chunk_border():
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 50, size=(600, 600)).astype(np.float32)  # chunks of 256 rows
    assert retrieval_ranks(scores).tolist() == [naive_rank(row, i) for i, row in enumerate(scores)]


def test_a_memory_mapped_matrix_gives_the_same_ranks(tmp_path):
    scores = np.random.default_rng(1).random((300, 300), dtype=np.float32)
    np.save(tmp_path / "scores.npy", scores)
    mapped = np.load(tmp_path / "scores.npy", mmap_mode="r")
    np.testing.assert_array_equal(retrieval_ranks(mapped), retrieval_ranks(scores))


def test_a_model_that_scores_everything_alike_is_ranked_last_not_first():
    scores = np.zeros((20, 20))
    assert RetrievalMetric().compute(scores) == {"R1": 0.0, "R5": 0.0, "R10": 0.0, "MR": 20.0}


def test_arithmetic_of_a_small_case():
    scores = np.array([[3.0, 2.0, 1.0], [9.0, 5.0, 1.0], [7.0, 8.0, 6.0]])
    # ranks 1, 2, 3: R1 = 1/3, everything within 5 of 3, median 2
    assert RetrievalMetric().compute(scores) == {"R1": 1 / 3, "R5": 1.0, "R10": 1.0, "MR": 2.0}


def test_baseline_is_what_random_ranking_gives():
    metric, rng = RetrievalMetric(), np.random.default_rng(0)
    trials = [metric.compute(rng.random((40, 40))) for _ in range(300)]
    for name, expected in metric.baseline(np.empty((40, 40))).items():  # 1/40, 5/40, 10/40, 20.5
        # 300 trials of 40 queries: five standard errors are below 0.02 (shares) and 0.6 (rank)
        assert np.mean([t[name] for t in trials]) == pytest.approx(
            expected, abs=0.6 if name == "MR" else 0.02
        )


def test_baseline_of_few_candidates_is_at_most_one():
    assert RetrievalMetric().baseline(np.empty((3, 3))) == {"R1": 1 / 3, "R5": 1.0, "R10": 1.0, "MR": 2.0}


@pytest.mark.parametrize("shape", [(0, 0), (3, 4), (5,)])
def test_a_matrix_that_is_not_square_is_refused(shape):
    with pytest.raises(DataError, match=r"needed is \(N, N\)"):
        RetrievalMetric().compute(np.zeros(shape))


def test_nan_is_refused_and_the_row_named():
    scores = np.zeros((400, 400))
    scores[300, 7] = np.nan
    with pytest.raises(DataError, match="text 300 hold NaN"):
        retrieval_ranks(scores)


def test_the_catalogue_knows_the_metric():
    assert METRICS.get("RetrievalMetric") is RetrievalMetric


def test_a_metric_without_formulas_says_so():
    with pytest.raises(NotImplementedError, match="does not say how to compute"):
        Metric().compute()
    with pytest.raises(NotImplementedError, match="trivial baseline"):
        Metric().baseline()
