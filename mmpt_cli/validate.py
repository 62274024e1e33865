"""Check configuration files without data, models or a GPU.

One line per file (ok or error) and one per problem. A warning names a key that may be your own class's.
"""

import argparse
from collections.abc import Sequence

from mmpt.config.validate import check_file
from mmpt.errors import MMPTError
from mmpt.utils.command import run_command
from mmpt_cli.parser import CommandParser

__all__ = ["main", "make_parser", "validate_file"]


def validate_file(path: str) -> tuple[str, list[str]]:
    """Return ``"ok"`` or ``"error"`` and the lines to print for one file."""
    try:
        problems = check_file(path)
    except MMPTError as error:
        return "error", [f"error: {error}"]
    wrong = any(problem.severity == "error" for problem in problems)
    return "error" if wrong else "ok", [f"{problem.severity}: {problem}" for problem in problems]


def make_parser(prog: str = "mmpt validate") -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = CommandParser(prog, __doc__, "mmpt validate projects/retri/videoclip.yaml my_task.yaml")
    parser.add_argument("files", nargs="+", metavar="FILE", help="task or project files")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the files named on the command line and return the exit code: 1 if one has an error."""
    code = 0
    for path in make_parser().parse_args(arguments).files:
        verdict, lines = validate_file(path)
        code |= verdict == "error"
        print("\n  ".join([f"{path}: {verdict}", *lines]))
    return code


if __name__ == "__main__":
    run_command(main)
