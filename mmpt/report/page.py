"""From runs to pages: ``<run>/report.html`` of one, ``comparison.html`` of several."""

import os
from collections.abc import Sequence
from pathlib import Path

from mmpt.config.yamlfile import dump_yaml
from mmpt.pages.chart import COLOURS
from mmpt.pages.render import write_page
from mmpt.report import facts
from mmpt.report.curves import loss_chart, other_charts, overlaid_charts
from mmpt.report.evaluations import results_side_by_side, show_evaluation, show_query
from mmpt.report.examples import Pictures
from mmpt.report.notes import notes
from mmpt.report.run import read_run
from mmpt.report.settings import differences
from mmpt.utils.units import utc_now

__all__ = ["COMPARISON_FILE", "REPORT_FILE", "comparison_path", "write_comparison", "write_report"]

REPORT_FILE = "report.html"
COMPARISON_FILE = "comparison.html"
_HERE = Path(__file__).parent


def write_report(folder: Path, videos: Sequence[Path] = ()) -> Path:
    """Write the page of a run into its folder, and return its path.

    Args:
        folder: The run.
        videos: Folders with its videos; by default they are where the features were made of them.

    Raises:
        DataError: If there is no run, or the page cannot be written.
    """
    run, pictures = read_run(folder), Pictures(videos)
    evaluations = [show_evaluation(each, pictures) for each in run.evaluations]
    asked = [show_query(query, pictures, None) for query in run.about.queries]
    return write_page(
        folder / REPORT_FILE,
        _HERE / "report.html.j2",
        run=run,
        lead=run.about.summary or facts.lead(run),
        facts=[*facts.facts(run), *run.about.facts.items()],
        notes=notes(run),
        tiles=facts.tiles(run),
        loss=loss_chart(run) if run.record else None,
        charts=other_charts(run),
        evaluations=evaluations,
        queries=asked,
        missing=pictures.missing,
        config=dump_yaml(dict(run.config)),
        times=facts.times(run),
        hardware=facts.hardware(run),
        proof=facts.proof(run),
        made=utc_now(),
    )


def comparison_path(folders: Sequence[Path]) -> Path:
    """Return where the comparison of runs goes: beside them, in the folder that holds all."""
    common = Path(os.path.commonpath([folder.resolve() for folder in folders]))
    here = Path.cwd()
    return (common.relative_to(here) if common.is_relative_to(here) else common) / COMPARISON_FILE


def write_comparison(path: Path, folders: Sequence[Path]) -> Path:
    """Write a page that lays runs over each other, and return its path.

    Raises:
        DataError: If one of them is no run, or the page cannot be written.
    """
    runs = [read_run(folder) for folder in folders]
    names = _short_names(folders)
    links = [os.path.relpath(folder.resolve() / REPORT_FILE, path.resolve().parent) for folder in folders]
    rows = [
        {
            "name": name,
            "link": link,
            "colour": f"c{number % COLOURS}",
            "state": run.state,
            "facts": dict(facts.facts(run)),
            "notes": notes(run),
            "hardware": facts.hardware(run),
        }
        for number, (run, name, link) in enumerate(zip(runs, names, links, strict=True))
    ]
    losses, charts = overlaid_charts(runs, names)
    return write_page(
        path,
        _HERE / "comparison.html.j2",
        rows=rows,
        columns=list(dict.fromkeys(key for row in rows for key in row["facts"])),
        losses=losses,
        charts=charts,
        results=results_side_by_side(runs),
        differences=differences([run.config for run in runs]),
        names=names,
        made=utc_now(),
    )


def _short_names(folders: Sequence[Path]) -> list[str]:
    """Return what tells the folders apart: each without what all begin with."""
    resolved = [folder.resolve() for folder in folders]
    common = Path(os.path.commonpath(resolved)) if len(set(resolved)) > 1 else resolved[0].parent
    return [f.relative_to(common).as_posix() if f != common else f.name for f in resolved]
