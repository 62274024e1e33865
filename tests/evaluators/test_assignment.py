"""The assignment of steps to seconds: best of all, in order, and what is refused."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpt.errors import DataError
from mmpt.evaluators.assignment import assign_steps


def brute_force(cost):
    """The cheapest of all increasing choices of seconds."""
    seconds, steps = cost.shape
    return min(
        (cost[list(chosen), range(steps)].sum(), chosen) for chosen in combinations(range(seconds), steps)
    )


@st.composite
def cost_matrices(draw):
    steps = draw(st.integers(1, 4))
    seconds = draw(st.integers(steps, 9))
    # Whole numbers make ties likely.
    values = draw(st.lists(st.integers(-3, 3), min_size=seconds * steps, max_size=seconds * steps))
    return np.array(values, dtype=float).reshape(seconds, steps)


@given(st.lists(cost_matrices(), min_size=1, max_size=5))
def test_no_other_choice_in_order_is_cheaper(costs):
    for cost, chosen in zip(costs, assign_steps(costs), strict=True):
        assert (np.diff(chosen) > 0).all()
        assert len(chosen) == cost.shape[1]
        assert cost[chosen, np.arange(len(chosen))].sum() == brute_force(cost)[0]


@pytest.mark.parametrize("seed", range(5))
def test_the_choice_itself_is_that_of_brute_force_where_no_two_cost_the_same(seed):
    rng = np.random.default_rng(seed)
    costs = [rng.normal(size=(seconds, steps)) for seconds, steps in [(12, 3), (7, 7), (10, 1), (11, 4)]]
    for cost, chosen in zip(costs, assign_steps(costs), strict=True):
        assert tuple(chosen) == brute_force(cost)[1]


def test_videos_do_not_depend_on_their_neighbours():
    rng = np.random.default_rng(0)
    costs = [rng.normal(size=(rng.integers(8, 60), rng.integers(1, 8))) for _ in range(300)]
    for cost, chosen in zip(costs, assign_steps(costs), strict=True):
        assert chosen.tolist() == assign_steps([cost])[0].tolist()


def test_a_worked_example():
    # Step 0 would take second 2 (cost 0), but then nothing cheap is left for step 1 behind it:
    # 0 -> second 0 and 1 -> second 1 cost 1 + 0, less than 0 + 5.
    cost = np.array([[1.0, 9.0], [4.0, 0.0], [0.0, 7.0], [4.0, 5.0]])
    assert assign_steps([cost])[0].tolist() == [0, 1]


def test_of_equals_the_earliest_is_taken():
    assert assign_steps([np.zeros((6, 3))])[0].tolist() == [0, 1, 2]


def test_as_many_steps_as_seconds_leave_no_choice():
    assert assign_steps([np.random.default_rng(0).normal(size=(5, 5))])[0].tolist() == [0, 1, 2, 3, 4]


def test_no_videos_give_no_seconds():
    assert assign_steps([]) == []


def test_inputs_are_left_alone():
    cost = np.arange(12.0).reshape(6, 2)
    assign_steps([cost])
    assert cost.tolist() == np.arange(12.0).reshape(6, 2).tolist()


@pytest.mark.parametrize(
    ("cost", "message"),
    [
        (np.zeros((2, 3)), r"Video 1 has 2 seconds and its task 3 steps; every step needs a second"),
        (np.zeros((4, 0)), r"video 1 have the shape \(4, 0\)"),
        (np.zeros(4), r"video 1 have the shape \(4,\)"),
        (np.array([[0.0], [np.nan]]), r"video 1 are not all finite"),
        (np.array([[0.0], [np.inf]]), r"video 1 are not all finite"),
    ],
)
def test_what_cannot_be_assigned_is_named(cost, message):
    with pytest.raises(DataError, match=message):
        assign_steps([np.zeros((3, 2)), cost])
