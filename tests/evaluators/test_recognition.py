"""Action recognition: accuracy per split, ties, and what is refused."""

import numpy as np
import pytest

from mmpt.errors import DataError
from mmpt.evaluators.recognition import ActionRecognitionMetric

OUTPUTS = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])
TARGETS = np.array([0, 0, 0])
SPLITS = np.array([[2, 2, 1], [1, 0, 2]])


def test_each_split_tests_on_its_own_videos():
    metric = ActionRecognitionMetric()
    # The first split tests on videos 0 (right) and 1 (wrong), the second on video 2 (right).
    assert metric.compute(OUTPUTS, TARGETS, SPLITS) == {"acc": 0.5}
    details = metric.details(OUTPUTS, TARGETS, SPLITS)
    assert details["acc_splits"] == [0.5, 1.0]
    assert details["r5_splits"] == [1.0, 1.0]
    assert details["videos_splits"] == [2, 1]


def test_the_baseline_is_the_commonest_class_of_the_first_test():
    assert ActionRecognitionMetric().baseline(OUTPUTS, np.array([0, 1, 1]), SPLITS) == {"acc": 0.5}


def test_a_tie_is_no_hit():
    assert ActionRecognitionMetric().compute(np.zeros((3, 2)), TARGETS, SPLITS) == {"acc": 0.0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"targets": np.array([0])}, r"classes \(1,\)"),
        ({"targets": np.array([0, 5, 0])}, "run from 0 to 5, and 2 were scored"),
        ({"splits": np.ones((1, 3))}, "tests on no video"),
        ({"outputs": OUTPUTS * np.nan}, "score is NaN"),
    ],
)
def test_what_cannot_be_measured_is_named(change, message):
    with pytest.raises(DataError, match=message):
        ActionRecognitionMetric().compute(
            **{"outputs": OUTPUTS, "targets": TARGETS, "splits": SPLITS, **change}
        )
