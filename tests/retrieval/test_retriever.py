"""All kinds of index find neighbours, one way or the other."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import mmpt.retrieval
from mmpt.errors import ConfigError, DataError, MissingDependencyError
from mmpt.retrieval import VectorRetriever, choose_index
from mmpt.retrieval.exact import ExactIndex
from mmpt.retrieval.faissindex import FaissIndex

KINDS = ("exact", "flatl2", "pq")
every_kind = pytest.mark.parametrize("kind", KINDS)


def clustered(count, width, clusters, seed=0):
    """Return vectors around far-off centres, and the cluster of each."""
    rng = np.random.default_rng(seed)
    cluster = rng.integers(clusters, size=count)
    centres = 10 * rng.normal(size=(clusters, width))
    return (centres[cluster] + rng.normal(size=(count, width))).astype(np.float32), cluster


def naive(vectors, queries, k):
    """Sort all distances of each query."""
    distances = ((queries[:, None].astype(np.float64) - vectors[None]) ** 2).sum(axis=-1)
    return np.argsort(distances, axis=1, kind="stable")[:, :k]


@every_kind
@pytest.mark.parametrize("count", [1, 2, 5, 40, 300])
@pytest.mark.parametrize("width", [48, 5])
def test_fewer_vectors_than_an_index_has_centroids_are_found_all_the_same(kind, count, width):
    vectors, _ = clustered(count, width, 3)
    found = VectorRetriever(vectors, kind).search(vectors, 16)
    assert found.shape == (count, min(16, count))
    assert found.dtype == np.int64
    assert found.min() >= 0
    assert found.max() < count
    # No vector twice, and each is its own nearest.
    assert all(len(set(row)) == len(row) for row in found)
    if kind != "pq":  # codes of near vectors may be the same
        assert found[:, 0].tolist() == list(range(count))


@every_kind
def test_neighbours_lie_in_the_cluster_of_the_query(kind):
    vectors, cluster = clustered(2000, 64, 20)
    found = VectorRetriever(vectors, kind).search(vectors[:100], 8)
    assert (cluster[found] == cluster[:100, None]).all()


@every_kind
def test_most_of_the_nearest_are_found(kind):
    # Without clusters: the hardest case. 64 independent directions have no near and far.
    vectors = np.random.default_rng(1).normal(size=(3000, 64)).astype(np.float32)
    found = VectorRetriever(vectors, kind).search(vectors[:50], 100)
    expected = naive(vectors, vectors[:50], 100)
    recall = np.mean([len(set(one) & set(other)) / 100 for one, other in zip(found, expected, strict=True)])
    assert recall >= {"exact": 1.0, "flatl2": 0.2, "pq": 0.2}[kind]


@every_kind
def test_more_neighbours_than_the_searched_cells_hold_are_found(kind):
    vectors, _ = clustered(1000, 32, 10)
    found = VectorRetriever(vectors, kind).search(vectors[:3], 1000)
    assert (np.sort(found, axis=1) == np.arange(1000)).all()


@every_kind
def test_all_vectors_are_found_by_who_asks_for_all(kind):
    # Here the graph of "pq" has no way to some of its 76 cells.
    vectors = np.random.default_rng(0).standard_normal((3000, 4))
    found = VectorRetriever(vectors, kind).search(vectors[:1], 3000)
    assert sorted(found[0].tolist()) == list(range(3000))


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("count", [5, 1000])
def test_a_query_without_neighbours_is_an_error_and_no_endless_search(count, compressed):
    vectors, _ = clustered(count, 32, 10)
    index = FaissIndex(vectors, compressed)
    queries = np.stack([vectors[0], np.full(32, np.nan, np.float32)])
    with pytest.raises(DataError, match=f"Query 1 has no 3 nearest of the {count} vectors; give finite"):
        index.search(queries, 3)
    with pytest.raises(DataError, match=f"Query 0 has no {count + 1} nearest of the {count} vectors"):
        index.search(vectors[:1], count + 1)


@every_kind
def test_the_same_vectors_give_the_same_neighbours(kind):
    vectors, _ = clustered(3000, 32, 10)
    one, other = (VectorRetriever(vectors.copy(), kind).search(vectors[:200], 20) for _ in range(2))
    assert (one == other).all()


@every_kind
def test_equal_vectors_are_no_problem(kind):
    found = VectorRetriever(np.ones((100, 32)), kind).search(np.zeros((2, 32)), 7)
    assert found.shape == (2, 7)


@every_kind
def test_vectors_are_not_changed(kind):
    vectors, _ = clustered(300, 32, 3)
    before = vectors.copy()
    VectorRetriever(vectors, kind).search(vectors[:2], 3)
    assert (vectors == before).all()


# Whole numbers have exact distances, so that the order of equals is defined, too.
whole = st.integers(-8, 8).map(float)


@given(
    vectors=arrays(np.float32, st.tuples(st.integers(1, 30), st.just(3)), elements=whole),
    queries=arrays(np.float32, st.tuples(st.integers(1, 5), st.just(3)), elements=whole),
    share=st.floats(0, 1),
    at_once=st.integers(1, 100),
)
def test_the_exact_index_equals_sorting_all_distances(vectors, queries, share, at_once):
    k = max(1, round(share * len(vectors)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mmpt.retrieval.exact._DISTANCES_AT_ONCE", at_once)
        found = ExactIndex(vectors).search(queries, k)
    distances = ((queries[:, None] - vectors[None]) ** 2).sum(axis=-1)
    expected = np.sort(distances, axis=1)[:, :k]
    # Which of equally far vectors comes last is free; all distances are right and rise.
    assert (np.take_along_axis(distances, found, axis=1) == expected).all()
    assert all(len(set(row)) == k for row in found)


@pytest.mark.parametrize(
    ("count", "installed", "kind"),
    [(100_000, True, "exact"), (100_001, True, "flatl2"), (100_001, False, "exact")],
)
def test_the_default_is_an_index_for_many_vectors_only_and_needs_no_faiss(
    monkeypatch, count, installed, kind
):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: "found" if installed else None)
    assert choose_index(None, count) == kind


def test_without_faiss_its_indexes_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    assert choose_index("exact", 3) == "exact"
    with pytest.raises(MissingDependencyError, match=r"'pq' \(retri_index\).* install 'mmpt\[index\]'"):
        VectorRetriever(np.zeros((3, 4)), "pq")


def test_an_unknown_kind_is_named():
    with pytest.raises(ConfigError, match=r"retri_index is 'flatl'; did you mean 'flatl2'\?"):
        VectorRetriever(np.zeros((3, 4)), "flatl")


@pytest.mark.parametrize("bad", [np.zeros((0, 4)), np.zeros(4)])
def test_no_vectors_are_refused(bad):
    with pytest.raises(DataError, match="at least one; given is"):
        VectorRetriever(bad)


def test_vectors_that_are_not_finite_are_refused_with_their_position():
    vectors = np.zeros((5, 4))
    vectors[3, 1], vectors[4, 0] = np.nan, np.inf
    with pytest.raises(DataError, match=r"2 of 5 vectors are not finite, the first at position 3.*diverged"):
        VectorRetriever(vectors)


def test_a_name_that_does_not_exist_is_refused_with_the_nearest():
    with pytest.raises(AttributeError, match="Did you mean 'VectorRetriever'"):
        mmpt.retrieval.VectorRetreiver  # noqa: B018
