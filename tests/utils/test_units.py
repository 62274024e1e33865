"""Times and numbers, written as people do."""

import pytest

from mmpt.utils.units import format_count, format_seconds, metric_name


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.44, "0.4 s"),
        (48, "48 s"),
        (59.7, "1 min 00 s"),
        (185, "3 min 05 s"),
        (7800, "2 h 10 min"),
        (4.68e8, "130\u2009000 h"),
    ],
)
def test_times_are_said_as_people_say_them(seconds, text):
    assert format_seconds(seconds) == text


def test_numbers_are_divided_in_groups_of_three():
    assert format_count(1234567.2) == "1\u2009234\u2009567"


def test_a_metric_has_one_name_for_people():
    assert [metric_name(name) for name in ("R1", "MR", "frame_acc", "CIDEr-D")] == [
        "R@1",
        "median rank",
        "frame accuracy",
        "CIDEr-D",
    ]
