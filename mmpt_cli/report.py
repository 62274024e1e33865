"""Write a page about a run: curves, results, examples, what is confused, settings, hardware and time.

A run is a folder that training or evaluation has written. Its page is ``report.html`` inside it, one file
that needs no network. Several runs are also laid over each other in one page, with the settings in which
they differ. A run that still goes on, or was stopped, can be looked at, too.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from mmpt.utils.command import run_command
from mmpt_cli.parser import CommandParser

__all__ = ["main", "make_parser"]


def make_parser(prog: str = "mmpt report") -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = CommandParser(prog, __doc__, "mmpt report runs/demo")
    parser.add_argument(
        "runs", nargs="+", type=Path, metavar="RUN", help="folder of a run, such as runs/demo"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="where the comparison of several runs goes (default: comparison.html in the folder above them)",
    )
    parser.add_argument(
        "--videos",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="where the videos are, for pictures; may be given again (default: where they were extracted)",
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages and print where they are."""
    options = make_parser().parse_args(arguments)
    from mmpt.report.page import comparison_path, write_comparison, write_report

    for run in options.runs:
        print(f"report: {write_report(run, options.videos)}")
    if len(options.runs) > 1:
        path = options.out or comparison_path(options.runs)
        print(f"comparison: {write_comparison(path, options.runs)}")
    return 0


if __name__ == "__main__":
    run_command(main)
