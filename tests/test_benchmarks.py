"""The benchmark runner: every benchmark can be run, and its rows become a readable table."""

import importlib

import pytest

from benchmarks.run import RESULTS, benchmark_names, main, number, section
from mmpt.errors import ConfigError


@pytest.mark.parametrize("name", benchmark_names())
def test_every_benchmark_has_a_title_and_a_run_function(name):
    module = importlib.import_module(f"benchmarks.bench_{name}")
    assert module.__doc__
    assert callable(module.run)


def test_rows_become_a_table():
    rows = [("fast", 12345.0, "clips/s", 12.34), ("slow", 0.1234, "s", None), ("odd", 5.0, "GiB", "peak")]
    assert section("Reading ``x``: fast.", rows).splitlines() == [
        "## Reading `x`: fast",
        "",
        "| what | value | compared |",
        "|:--|--:|--:|",
        "| fast | 12 345 clips/s | 12.3× |",
        "| slow | 0.123 s |  |",
        "| odd | 5 GiB | peak |",
    ]


@pytest.mark.parametrize(("value", "text"), [(99.94, "99.9"), (100.0, "100"), (0.0, "0"), (1e6, "1 000 000")])
def test_numbers_show_what_matters(value, text):
    assert number(value) == text


def test_an_unknown_benchmark_is_named():
    before = RESULTS.read_bytes() if RESULTS.exists() else None
    with pytest.raises(ConfigError, match=r"no benchmark 'loadr'. Known: .*loader"):
        main(["loadr"])
    assert (RESULTS.read_bytes() if RESULTS.exists() else None) == before
