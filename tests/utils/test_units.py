"""Amounts and times, written and read as people do."""

import argparse

import pytest

from mmpt.utils.units import format_bytes, format_count, format_seconds, parse_bytes


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


@pytest.mark.parametrize(
    ("text", "count"), [("2G", 2 << 30), ("1.5k", 1536), ("4096", 4096), ("3 MiB", 3 << 20)]
)
def test_amounts_of_bytes_are_read(text, count):
    assert parse_bytes(text) == count


def test_amounts_of_bytes_are_written_with_three_digits():
    assert [format_bytes(count) for count in (512, 1536, 447 << 30)] == ["512 B", "1.5 KiB", "447 GiB"]


def test_what_is_no_amount_is_refused():
    with pytest.raises(argparse.ArgumentTypeError, match="'many' is no amount of bytes; write it like 2G"):
        parse_bytes("many")
