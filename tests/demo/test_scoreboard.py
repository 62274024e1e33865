"""The table of all tasks: values out of result files, and a note wherever a step is not upwards."""

import pytest

from mmpt.demo.scoreboard import Entry, scoreboard, scoreboard_page, scoreboard_text
from mmpt.demo.tasks import ENTRIES
from mmpt.errors import DataError
from mmpt.evaluators.results import EvaluationResult, MetricValue, write_result


@pytest.fixture
def entry(tmp_path):
    """Function: values of zero-shot and fine-tuned -> an entry with their result files, baseline 10 %."""

    def build(zero_shot, fine_tuned, items=400, **changes):
        paths = {}
        for name, value in (("zero_shot", zero_shot), ("fine_tuned", fine_tuned)):
            paths[name] = None if value is None else tmp_path / f"{name}.result.json"
            if value is not None:
                write_result(paths[name], result(value, items))
        keys = {"model": "VLM", "task": "retrieval", "metric": "R1", "count": "queries", "trivial": "chance"}
        return Entry(**keys | paths | changes)

    return build


def result(value, items):
    return EvaluationResult(
        name="checkpoint_best",
        split="test",
        predictor="RetrievalPredictor",
        metric="RetrievalMetric",
        metrics={"R1": MetricValue(value, 0.1, percent=True)},
        counts={"queries": items},
        skipped={},
        features={},
        checkpoint=None,
        code={},
        device="cpu",
        predictions={},
        date="",
        details={"share": 0.97, "seconds": {"foreground": 370}},
    )


def test_a_row_that_climbs_needs_no_note(entry):
    [row] = scoreboard([entry(0.3, 0.5)])
    assert row.cells == ("VLM", "retrieval", "R@1", "chance 10.0 %", "30.0 %", "50.0 %", "400 queries")
    assert row.notes == ()


def test_what_is_not_above_the_trivial_answer_says_why(entry):
    [row] = scoreboard([entry(0.1, 0.5, reasons={"zero_shot_low": "it never saw a text."})])
    assert row.notes == ("zero-shot is not above the trivial answer: it never saw a text.",)


def test_a_fall_without_a_known_reason_is_called_that(entry):
    [row] = scoreboard([entry(0.5, 0.3)])
    assert row.notes == ("fine-tuned is not above zero-shot: no reason is known.",)


def test_a_difference_within_two_standard_errors_may_be_chance(entry):
    # sqrt((0.5 * 0.5 + 0.52 * 0.48) / 400) = 3.5 %, and 52 % - 50 % is less than twice that
    [row] = scoreboard([entry(0.5, 0.52)])
    assert row.notes == (
        "fine-tuned is above zero-shot by less than two standard errors of 400 items, which may be chance.",
    )


def test_items_of_a_kind_are_those_that_the_details_count(entry):
    [row] = scoreboard([entry(0.3, 0.5, count="foreground seconds")])
    assert row.cells[-1] == "370 foreground seconds"


def test_a_reason_quotes_the_details_of_the_result(entry):
    [row] = scoreboard([entry(0.1, 0.5, reasons={"zero_shot_low": "{share:.0%} of the answers are one."})])
    assert row.notes == ("zero-shot is not above the trivial answer: 97% of the answers are one.",)


def test_the_page_holds_the_table_the_notes_and_the_times(entry):
    page = scoreboard_page(scoreboard([entry(0.5, 0.3)]), {"render <videos>": 65.0})
    assert "<td>50.0 %</td>" in page
    assert '<li id="note1">fine-tuned is not above zero-shot: no reason is known.</li>' in page
    assert "render &lt;videos&gt;" in page
    assert "1 min 05 s" in page
    assert "http" not in page


def test_a_number_that_is_no_share_of_items_has_no_standard_error(entry):
    [row] = scoreboard([entry(0.5, 0.52, of_items=False)])
    assert row.notes == ()


def test_a_missing_step_is_named_and_the_next_compared_with_the_one_before(entry):
    [row] = scoreboard([entry(None, 0.05, reasons={"zero_shot": "it cannot."})])
    assert row.cells[4:6] == ("–", "5.0 %")
    assert row.notes == (
        "zero-shot: it cannot.",
        "fine-tuned is not above the trivial answer: no reason is known.",
    )


def test_notes_are_numbered_once_and_stand_below_the_table(entry):
    row = scoreboard([entry(0.5, 0.3)])[0]
    text = scoreboard_text([row, row]).splitlines()
    assert text[0].split() == [
        "model",
        "task",
        "metric",
        "trivial",
        "zero-shot",
        "fine-tuned",
        "items",
        "notes",
    ]
    assert text[1].endswith("[1]")
    assert text[2].endswith("[1]")
    assert text[-1] == "[1] fine-tuned is not above zero-shot: no reason is known."


def test_results_of_other_items_do_not_stand_in_one_row(entry, tmp_path):
    other = entry(0.3, 0.5)
    write_result(tmp_path / "fine_tuned.result.json", result(0.5, 300))
    with pytest.raises(DataError, match=r"of VLM for retrieval are of different items.*400.*300"):
        scoreboard([other])


def test_a_metric_that_was_not_measured_is_named(entry):
    with pytest.raises(DataError, match="has no metric 'R5'; it has R1"):
        scoreboard([entry(0.3, 0.5, metric="R5")])


def test_the_shipped_table_says_why_a_number_is_missing():
    for each in ENTRIES:
        absent = {name for name in ("zero_shot", "fine_tuned") if getattr(each, name) is None}
        assert absent <= each.reasons.keys()
