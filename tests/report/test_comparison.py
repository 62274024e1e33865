"""Several runs laid over each other, and the command that does it."""

from pathlib import Path

import numpy as np
from run_makers import Page, evaluated
from test_page_of_a_run import lines_of

from mmpt.report.settings import differences
from mmpt_cli.report import main, print_reports


def test_runs_are_overlaid_and_their_settings_compared(trained, capsys):
    one, other = trained("runs/a"), trained("runs/b", lr=0.2, upto=20)
    evaluated(one / "vtt/eval")
    evaluated(other / "vtt/eval", arrays={"scores": 1 - np.eye(4)})
    assert main(["runs/a", "runs/b"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "report: runs/a/report.html",
        "report: runs/b/report.html",
        "comparison: runs/comparison.html",
    ]
    page = Page(Path("runs/comparison.html"))
    losses = lines_of(page, "Training loss")
    assert {name: points[-1][0] for name, points in losses.items()} == {"a": 30, "b": 20}
    assert "vtt test R@1 25.0 % 100.0 % 0.0 % 4 queries" in page.text
    assert "key a b fairseq.optimization.lr 0.1 0.2" in page.text
    assert "max_epoch" not in page.text.split("Settings that differ")[1]  # the same in both
    assert {link["href"] for link in page.all("a")} == {"a/report.html", "b/report.html"}


def test_what_a_run_lacks_is_a_dash(trained, tmp_path):
    trained("runs/a")
    evaluated(Path("runs/b/eval"))
    assert main(["runs/a", "runs/b", "--out", str(tmp_path / "both.html")]) == 0
    page = Page(tmp_path / "both.html")
    assert "R@1 25.0 % – 100.0 %" in page.text
    assert "b : No training was logged here" in page.text


def test_results_of_other_items_are_called_different(trained):
    for run, queries in (("a", 4), ("b", 5)):
        evaluated(trained(f"runs/{run}") / "eval", counts={"queries": queries})
    main(["runs/a", "runs/b"])
    assert "100.0 % 100.0 % differs" in Page(Path("runs/comparison.html")).text


def test_settings_differ_where_one_has_another_value_or_none():
    one = {"model": {"layers": 6, "share": True}, "list": [1, 2], "same": None}
    other = {"model": {"layers": 12, "share": True}, "list": [1, 3], "same": None, "new": {}}
    assert differences([one, other]) == [
        ("model.layers", ["6", "12"]),
        ("list", ["1, 2", "1, 3"]),
        ("new", ["–", "{}"]),
    ]
    assert differences([one, {}]) == []  # its settings are lost


def test_the_launchers_line_leads_to_the_page_of_the_training_that_results_belong_to(trained, capsys):
    folder = trained()
    evaluated(folder / "vtt/eval")
    print_reports([folder, folder / "vtt/eval"])  # one run
    assert capsys.readouterr().out == "report: runs/a/report.html\n"
    assert "R@1" in Page(folder / "report.html").text


def test_a_page_that_cannot_be_written_is_said_and_harms_nothing(trained, capsys):
    folder = trained()
    (folder / "report.html").mkdir()
    print_reports([folder, Path("runs/failed_at_once")])
    said = capsys.readouterr().out
    assert said.startswith(
        "report: mmpt report runs/a (it could not be written now: The file runs/a/report.html"
    )
    assert said.count("\n") == 1


def test_of_a_queued_run_the_command_is_named(trained, capsys):
    print_reports([Path("runs/later run")], ended=False)
    assert capsys.readouterr().out == "report: mmpt report 'runs/later run'\n"
