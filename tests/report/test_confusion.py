"""Which classes are taken for which, from few classes to the 779 of COIN."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_makers import Page, evaluated

from mmpt.evaluators.coin import COINActionSegmentationMetric
from mmpt.evaluators.crosstask import CrossTaskMetric
from mmpt.report.confusion import CLASSES, confusion
from mmpt.report.page import write_report

classes = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=300)


def test_rows_are_true_and_columns_said():
    found = confusion(np.array([0, 0, 0, 2]), np.array([0, 2, 2, 2]), ["a", "b", "c"], "seconds")
    assert found.names == ["a", "c"]  # b never occurs
    assert found.counts.tolist() == [[1, 2], [0, 1]]
    assert found.shares.tolist() == [[1 / 3, 2 / 3], [0, 1]]
    assert found.pairs == [("a", "c", 2, 2 / 3)]


@given(classes)
def test_nothing_is_lost_whatever_the_number_of_classes(pairs):
    true, said = map(np.array, zip(*pairs, strict=True))
    found = confusion(true, said, [], "seconds")
    assert found.counts.sum() == len(pairs)
    assert len(found.names) == len(found.counts) <= CLASSES
    assert found.total == len({*true.tolist(), *said.tolist()})
    occurring = found.counts.sum(axis=1) > 0
    assert found.shares.sum(axis=1)[occurring] == pytest.approx(1)
    numbers = [pair.number for pair in found.pairs]
    assert numbers == sorted(numbers, reverse=True)


def test_of_hundreds_of_classes_those_that_errors_are_about_are_shown():
    true = np.arange(779)
    said = true.copy()
    said[500] = 501
    found = confusion(true, said, [f"c{n}" for n in range(779)], "seconds")
    assert {"c500", "c501"} <= set(found.names)
    assert found.names[-1] == f"{779 - CLASSES + 1} other classes"
    assert found.counts[-1, -1] == 779 - CLASSES + 1
    assert found.pairs == [("c500", "c501", 1, 1.0)]


def test_the_page_of_coin_names_classes_and_their_commonest_errors(tmp_path):
    arrays = {
        "outputs": np.array([0, 1, 2, 2]),
        "targets": np.array([0, 1, 1, 2]),
        "starts": np.array([0, 4]),
    }
    items = {"items": [], "labels": ["O", "cut <it>", "stir"]}
    evaluated(tmp_path, arrays, COINActionSegmentationMetric, items=items)
    page = Page(write_report(tmp_path))
    assert "true taken for seconds of the true cut <it> stir 1 50.0 %" in page.text
    titles = [cell["title"] for cell in page.all("td") if "title" in cell]
    assert "cut <it> taken for stir: 1 seconds" in titles
    assert "background 1 1 1 100.0 %" in page.text.split("Each of 3 classes")[1]


def test_a_step_of_crosstask_is_taken_for_what_happens_in_its_second(tmp_path):
    happens = np.array([[1, 0], [0, 1], [0, 0]], bool)
    arrays = {
        "outputs": np.array([1, 2]),  # cut: in the second of stir; stir: where nothing happens
        "targets": happens.ravel(),
        "shapes": np.array([[3, 2]]),
        "tasks": np.array(["7"]),
    }
    evaluated(tmp_path, arrays, CrossTaskMetric, items={"items": [], "steps": {"7": ["cut", "stir"]}})
    text = Page(write_report(tmp_path)).text
    assert "steps of the true cut stir 1 100.0 % stir nothing 1 100.0 %" in text
    assert "Each of 1 tasks" in text


def test_predictions_that_are_gone_are_said(tmp_path):
    evaluated(tmp_path, {"outputs": np.array([0]), "targets": np.array([0])}, COINActionSegmentationMetric)
    (tmp_path / "checkpoint_best.outputs.npy").unlink()
    assert "The predictions of checkpoint_best" in Page(write_report(tmp_path)).text
