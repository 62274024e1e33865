"""Batches of neighbours: their sizes, and that they are neighbours."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpt.retrieval import VectorRetriever, neighbour_batches


def draw(vectors, seed=0, **sizes):
    retriever = VectorRetriever(vectors, "exact")
    return neighbour_batches(retriever, vectors, rng=np.random.default_rng(seed), **sizes)


@given(videos=st.integers(1, 30), batches=st.integers(1, 40), size=st.integers(1, 8), more=st.integers(0, 8))
def test_every_batch_has_its_size_and_no_video_twice(videos, batches, size, more):
    vectors = np.random.default_rng(videos).normal(size=(videos, 4)).astype(np.float32)
    found = draw(vectors, batches=batches, size=size, candidates=size + more)
    assert found.shape == (batches, min(size, videos))
    assert all(len(set(batch)) == len(batch) for batch in found)


def test_a_batch_is_drawn_from_the_candidates_of_one_centre():
    # On a line the 4 nearest of a video lie within 3 steps, even at the ends.
    line = np.arange(20, dtype=np.float32)[:, None]
    found = draw(line, batches=20, size=2, candidates=4)
    assert (np.ptp(found, axis=1) <= 3).all()
    assert len({tuple(sorted(batch)) for batch in found}) > 10


def test_every_video_is_a_centre_where_there_are_as_many_batches():
    line = np.arange(7, dtype=np.float32)[:, None]
    assert sorted(draw(line, batches=7, size=1, candidates=1)[:, 0]) == list(range(7))


@pytest.mark.parametrize(("seed", "same"), [(0, True), (1, False)])
def test_the_draw_depends_on_the_generator_alone(seed, same):
    vectors = np.random.default_rng(5).normal(size=(30, 4)).astype(np.float32)
    sizes = {"batches": 6, "size": 3, "candidates": 8}
    assert (draw(vectors, 0, **sizes) == draw(vectors, seed, **sizes)).all() == same
