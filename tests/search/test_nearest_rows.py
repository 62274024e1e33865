"""The rows with the highest dot products are those that computing everything finds."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmpt.search.nearest import Matrix, best_rows


def naive(matrices, query, count):
    """All products in float64, sorted; of equals the first one first."""
    every = [
        (-np.float32(row @ query.double().numpy()), number, place)
        for number, matrix in enumerate(matrices)
        for place, row in enumerate(matrix.rows.double().numpy())
        if not any(place in range(*cut.indices(len(matrix.rows))) for cut in matrix.without)
    ]
    every.sort()
    least = every[min(count, len(every)) - 1][0] if every else 0
    return [(number, place, -score) for score, number, place in every if score <= least]


def matrix(values, without=()):
    rows = torch.as_tensor(np.array(values)).half()
    return Matrix(rows, float(rows.float().norm(dim=1).max()) if len(rows) else 0.0, without)


def same(found, expected):
    assert list(zip(found.matrix, found.row, strict=True)) == [each[:2] for each in expected]
    np.testing.assert_array_equal(found.score, np.array([each[2] for each in expected], np.float32))


@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(0, 40), min_size=1, max_size=3),
    st.integers(1, 30),
    st.sampled_from([1, 3, 64]),
    st.sampled_from([1e-3, 1.0, 300.0]),
    st.booleans(),
)
def test_what_is_found_is_what_computing_all_finds(seed, sizes, count, width, scale, close_together):
    rng = np.random.default_rng(seed)
    common = rng.normal(size=width) * 20 * close_together  # all products nearly equal: the first pass errs
    matrices = [matrix((rng.normal(size=(size, width)) + common) * scale) for size in sizes]
    query = torch.as_tensor(rng.normal(size=width) + common).float()
    same(best_rows(matrices, query, count), naive(matrices, query, count))


def test_equal_rows_at_the_end_are_all_found():
    rows = [[1.0, 0.0], [2.0, 0.0], [1.0, 5.0], [0.5, 0.0]]
    found = best_rows([matrix(rows), matrix(rows[:1])], torch.tensor([1.0, 0.0]), 2)
    same(found, [(0, 1, 2.0), (0, 0, 1.0), (0, 2, 1.0), (1, 0, 1.0)])


def test_removed_rows_do_not_count():
    found = best_rows([matrix(np.eye(4) * 3, [slice(1, 3)])], torch.ones(4), 10)
    same(found, [(0, 0, 3.0), (0, 3, 3.0)])


def test_a_query_of_zeros_finds_everything_at_zero():
    assert best_rows([matrix(np.eye(3))], torch.zeros(3), 1).score.tolist() == [0.0, 0.0, 0.0]


def test_nothing_is_found_in_nothing():
    assert len(best_rows([], torch.ones(2), 3).row) == 0
    assert len(best_rows([matrix(np.ones((2, 2)), [slice(0, 2)])], torch.ones(2), 3).row) == 0
