"""Charts: every number lies inside the axes, gaps stay gaps, and a long curve becomes a short one."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpt.pages.chart import SMALL, Series, layout, nice_ticks, thinned

finite = st.floats(-1e6, 1e6)
points = st.lists(st.tuples(st.floats(0, 1e6), st.floats(-1e6, 1e6) | st.just(math.nan)), min_size=1)


@given(points, points, st.none() | finite)
def test_every_point_lies_inside_the_axes(one, other, height):
    reference = None if height is None else ("chance", height)
    chart = layout("Loss", [Series("a", one), Series("b", other)], reference=reference)
    for line in chart.lines:
        for x, y, *_ in line.points:
            assert chart.left - 0.01 <= x <= chart.right + 0.01
            assert chart.top - 0.01 <= y <= chart.bottom + 0.01
    if chart.reference:
        assert chart.top - 0.01 <= chart.reference.at <= chart.bottom + 0.01


def test_a_curve_has_gaps_where_it_is_not_finite():
    values = [(1, 1.0), (2, math.nan), (3, 3.0), (4, 4.0), (5, math.inf)]
    [line] = layout("Loss", [Series("a", values)]).lines
    assert [(x, y) for _, _, x, y in line.points] == [(1, 1.0), (3, 3.0), (4, 4.0)]
    assert line.path.count("M") == 2
    assert line.last == "4"


def test_a_curve_without_a_finite_number_is_left_out_and_an_empty_chart_has_none():
    bad = Series("bad", [(1, math.nan)])
    assert [line.name for line in layout("Loss", [bad, Series("good", [(1, 2.0)])]).lines] == ["good"]
    assert layout("Loss", [bad]).lines == []
    assert layout("Loss", []).lines == []


def test_dots_mark_every_point_if_wanted_and_a_point_that_stands_alone():
    series = [
        Series("a", [(1, 1.0), (2, 2.0)], dots=True),
        Series("b", [(1, 1.0), (2, 2.0)]),
        Series("c", [(1, 1.0)]),
    ]
    assert [len(line.dots) for line in layout("Loss", series).lines] == [2, 0, 1]


@given(st.integers(4, 30), st.lists(st.tuples(st.integers(0, 10**6), finite), min_size=1, max_size=200))
def test_a_long_curve_keeps_its_ends_and_extremes(most, long):
    short = thinned(long, most)
    assert len(short) <= most
    assert (short[0], short[-1]) == (long[0], long[-1])
    assert max(y for _, y in short) == max(y for _, y in long)
    assert min(y for _, y in short) == min(y for _, y in long)
    assert set(short) <= set(long)


def test_a_short_curve_stays_as_it_is():
    assert thinned([(2, 1.0), (1, 5.0)]) == [(2, 1.0), (1, 5.0)]


@given(finite, st.floats(1e-6, 1e6))
def test_ticks_are_few_round_and_enclose(low, span):
    high = low + span
    ticks = nice_ticks(low, high)
    assert 2 <= len(ticks) <= 8
    slack = 1e-6 * max(abs(low), span)
    assert ticks[0] <= low + slack
    assert ticks[-1] >= high - slack


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(1.4, 9.2, [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]), (0, 5e-5, [0.0, 1e-5, 2e-5, 3e-5, 4e-5, 5e-5])],
    ids=["an ordinary loss", "a learning rate"],
)
def test_ticks_of(low, high, ticks):
    assert nice_ticks(low, high) == ticks


def test_the_marks_of_a_small_chart_are_fewer():
    series = [Series("a", [(0, 0.0), (1000, 9.0)])]
    assert len(layout("a", series, size=SMALL).x_ticks) < len(layout("a", series).x_ticks)
