"""The report page: complete in itself, every text escaped, valid pictures and a chart that fits."""

import dataclasses
import math
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpt.demo.chart import LossCurve, layout, nice_ticks
from mmpt.demo.report import Hit, QueryAnswer, ReportMeta, format_duration, write_report
from mmpt.errors import DataError
from mmpt.evaluators.moments import Moment
from mmpt.evaluators.results import EvaluationResult, MetricValue

HOSTILE = "<script>alert('x')</script> & \"quotes\""
FRAME = np.full((33, 47, 3), (200, 40, 90), np.uint8)


def result(name, r1=0.25, queries=120):
    return EvaluationResult(
        name=name,
        split="test",
        predictor="RetrievalPredictor",
        metric="RetrievalMetric",
        metrics={"R1": MetricValue(r1, 1 / 120, True), "MR": MetricValue(3.0, 60.5)},
        counts={"queries": queries, "candidates": 120},
        skipped={"no feature file": 2},
        features={"files": 3, "bytes": 10, "sha256": "f0" * 32},
        checkpoint={"path": "checkpoint_best.pt", "sha256": "c0" * 32},
        code={"mmpt": "0.1.0", "commit": None},
        device="cpu, float32",
        predictions={},
        date="2024-05-01T12:00:00Z",
    )


def page(tmp_path, **changes):
    answer = QueryAnswer(
        HOSTILE, [Hit(Moment(HOSTILE, 3, 7, 0.9), [FRAME, FRAME], narration=HOSTILE, correct=True)]
    )
    texts = {HOSTILE: HOSTILE}
    values = {
        "loss_curve": LossCurve(
            [(0, 4.0), (10, 2.0)], [(5, 3.5)], chance=4.2, x_label=HOSTILE, y_label=HOSTILE
        ),
        "table": [result("untrained", 0.01), result(HOSTILE)],
        "queries": [answer],
        "meta": ReportMeta(HOSTILE, HOSTILE, HOSTILE, texts, [(HOSTILE, 61.0)], texts, texts, HOSTILE),
    } | changes
    return write_report(tmp_path / "deep" / "report.html", **values).read_text(encoding="utf-8")


class Tags(HTMLParser):
    """Collects tags and addresses, and checks that tags are closed in order."""

    VOID = frozenset({"meta", "img", "line", "circle", "polyline", "br", "link"})

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.addresses = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.addresses += [value for key, value in attrs if key in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_every_text_is_escaped(tmp_path):
    text = page(tmp_path)
    assert "<script" not in text
    assert "alert(&#39;x&#39;)" in text
    assert "script" not in Tags(text).seen


def test_the_page_is_well_formed_and_needs_no_other_file(tmp_path):
    text = page(tmp_path)
    tags = Tags(text)
    assert tags.open == []
    assert len(tags.addresses) == 2
    assert all(address.startswith("data:image/jpeg;base64,") for address in tags.addresses)
    assert "http" not in text.replace("http-equiv", "")
    assert "url(" not in text


def test_the_page_shows_dark_and_narrow(tmp_path):
    text = page(tmp_path)
    assert "prefers-color-scheme: dark" in text
    assert 'content="width=device-width, initial-scale=1"' in text


def test_chance_untrained_and_trained_stand_in_one_table(tmp_path):
    text = page(tmp_path, table=[result("untrained", 0.01), result("trained", 0.342)])
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', text)
    assert [(name, re.findall("<td>(.*?)</td>", cells)) for name, cells in rows] == [
        ("chance", ["0.8 %", "60.5"]),  # 1/120
        ("untrained", ["1.0 %", "3.0"]),
        ("trained", ["34.2 %", "3.0"]),
    ]
    assert "120 queries · 120 candidates" in text
    assert "Left out: 2 (no feature file)." in text


def test_what_is_unknown_is_left_out(tmp_path):
    hit = Hit(Moment("v", 0, 4, -1.0))
    text = page(
        tmp_path,
        queries=[QueryAnswer("q", [hit])],
        meta=ReportMeta("t", "s", "d"),
        table=[
            dataclasses.replace(result("trained"), checkpoint=None, features={"files": 0, "sha256": None})
        ],
    )
    assert "<img" not in text
    assert "Happens there" not in text
    assert "right</span>" not in text
    assert "width:0" in text  # a negative score has no bar
    assert "Time:" not in text


def test_results_of_different_splits_are_not_put_together(tmp_path):
    with pytest.raises(DataError, match="'untrained' and 'trained' cannot stand in one table"):
        page(tmp_path, table=[result("untrained", queries=7), result("trained")])
    with pytest.raises(DataError, match="at least one evaluation result"):
        page(tmp_path, table=[])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "curve", [LossCurve([]), LossCurve([(1, math.nan)]), LossCurve([(1, 1)], [(1, math.inf)])]
)
def test_a_curve_without_finite_points_is_refused(curve):
    with pytest.raises(DataError, match="needed is at least one, all finite"):
        layout(curve)


finite = st.floats(-1e6, 1e6)


@given(
    st.lists(st.tuples(st.floats(0, 1e6), finite), min_size=1), st.lists(st.tuples(st.floats(0, 1e6), finite))
)
def test_every_point_lies_inside_the_axes(train, valid):
    chart = layout(LossCurve(train, valid))
    for line in chart.lines:
        for x, y in line.points:
            assert chart.left - 0.01 <= x <= chart.right + 0.01
            assert chart.top - 0.01 <= y <= chart.bottom + 0.01


@given(finite, st.floats(1e-6, 1e6))
def test_ticks_are_few_round_and_enclose(low, span):
    high = low + span
    ticks = nice_ticks(low, high)
    assert 2 <= len(ticks) <= 8
    slack = 1e-6 * max(abs(low), span)
    assert ticks[0] <= low + slack
    assert ticks[-1] >= high - slack


def test_ticks_of_an_ordinary_loss():
    assert nice_ticks(1.4, 9.2) == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.44, "0.4 s"), (48, "48 s"), (59.7, "1 min 00 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")],
)
def test_durations_read_like_speech(seconds, text):
    assert format_duration(seconds) == text
