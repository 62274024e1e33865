"""The benchmark runner: every benchmark can be run, and its rows become a readable table."""

import importlib

import pytest

from benchmarks import run
from benchmarks.run import RESULTS, benchmark_names, main, number, read_sections, section
from mmpt.errors import ConfigError


@pytest.mark.parametrize("name", benchmark_names())
def test_every_benchmark_has_a_title_and_a_run_function(name):
    module = importlib.import_module(f"benchmarks.bench_{name}")
    assert module.__doc__
    assert callable(module.run)


def test_rows_become_a_table():
    rows = [("fast", 12345.0, "clips/s", 12.34), ("slow", 0.1234, "s", None), ("odd", 5.0, "GiB", "peak")]
    title, empty, measured, *table = section("x", "Reading ``x``: fast.", rows).splitlines()
    assert (title, empty) == ("## x: Reading `x`: fast", "")
    assert measured.startswith("Measured 20")
    assert table == [
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


def test_the_results_name_only_benchmarks_that_exist():
    assert set(read_sections()) <= set(benchmark_names())


def test_a_benchmark_that_runs_again_replaces_its_own_section_only(monkeypatch, tmp_path):
    monkeypatch.setattr(run, "RESULTS", tmp_path / "RESULTS.md")
    monkeypatch.setattr(run, "FOLDER", tmp_path / "benchmarks")
    monkeypatch.setattr(run, "benchmark_names", lambda: ["a", "b"])
    values = iter([1.0, 2.0, 3.0])
    monkeypatch.setattr(run, "measure", lambda name: (f"Of {name}", [("speed", next(values), "x", None)]))
    main([])
    main(["a"])
    sections = read_sections()
    assert list(sections) == ["a", "b"]
    assert "| speed | 3 x |  |" in sections["a"]
    assert "| speed | 2 x |  |" in sections["b"]
