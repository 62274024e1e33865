"""Write a page about a run: curves, results, examples, what is confused, settings, hardware and time.

A run is a folder that training or evaluation has written. Its page is ``report.html`` inside it, one file
that needs no network. Several runs are also laid over each other in one page, with the settings in which
they differ. A run that still goes on, or was stopped, can be looked at, too.
"""

import argparse
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from mmpt.utils.command import run_command
from mmpt.utils.logging import get_logger
from mmpt_cli.parser import CommandParser

__all__ = ["main", "make_parser", "print_reports"]

logger = get_logger(__name__)


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


def print_reports(folders: Iterable[Path], ended: bool = True) -> None:
    """Print a line for each run: where its page is, which is written now, or how to write it.

    What is wrong with a page is said in its line, and is no error: the run itself is done.

    Args:
        folders: What training or evaluation wrote into; several may belong to one run.
        ended: Whether the runs have ended; pages of queued ones come later.
    """
    from mmpt.report.page import write_report
    from mmpt.report.run import home_of, is_run

    for folder in dict.fromkeys(map(home_of, folders)):
        command = f"mmpt report {shlex.quote(str(folder))}"
        if not ended:
            print(f"report: {command}", flush=True)
        elif is_run(folder):  # a task that failed at once has left nothing
            try:
                print(f"report: {write_report(folder)}", flush=True)
            except Exception as error:
                logger.debug("Why there is no page:", exc_info=error)
                print(f"report: {command} (it could not be written now: {error})", flush=True)


if __name__ == "__main__":
    run_command(main)
