"""The benchmark runner: every benchmark can be run, and its rows become a readable table."""

import importlib

import pytest

from benchmarks import costs, run
from benchmarks.run import RESULTS, benchmark_names, main, number, read_sections, section
from mmpt.errors import ConfigError, DataError


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


def test_the_costs_in_dataset_md_follow_from_the_results():
    table = costs.costs_table(RESULTS.read_text())
    assert table in costs.DATASET.read_text(), "run: python -m benchmarks.costs"


def test_costs_are_amounts_by_rates():
    rows = "\n".join(f"| {step.measured} | 1 000 {step.unit}/s | 1× |" for step in costs.STEPS)
    table = costs.costs_table(rows)
    assert "| S3D in float32, 2 cores | 468 000 000 clips | 1 000 clips/s | 130 h |" in table
    assert "| packing | 479 232 MB | 1 000 MB/s | 7 min 59 s |" in table
    with pytest.raises(DataError, match="no rate '360p, squares, 2 processes' in frames/s; run: make bench"):
        costs.costs_table("| 360p, squares, 2 processes | 3 clips/s |")


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
