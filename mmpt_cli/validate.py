"""Check configuration files without data, models or a GPU: ``python -m mmpt_cli.validate FILE...``.

One line per file (``ok``, ``planned`` or ``error``) and one per problem; a planned class has one line, in
however many places it stands. Exit code 0 if all files are
ok, 1 if one has an error, 3 if there is no error but a class that is not built yet.
"""

import argparse
from collections.abc import Sequence

from mmpt.config.validate import Problem, check_file
from mmpt.errors import MMPTError
from mmpt.utils.command import run_command

__all__ = ["main", "validate_file"]

EXIT_CODES = {"ok": 0, "error": 1, "planned": 3}


def validate_file(path: str) -> tuple[str, list[str]]:
    """Return ``"ok"``, ``"planned"`` or ``"error"`` and the lines to print for one file."""
    try:
        problems: list[Problem] = check_file(path)
    except MMPTError as error:
        return "error", [f"error: {error}"]
    severities = {problem.severity for problem in problems}
    verdict = next((each for each in ("error", "planned") if each in severities), "ok")
    return verdict, _lines(problems)


def _lines(problems: Sequence[Problem]) -> list[str]:
    """Return a line per problem; a planned class is named once, with the first of the places that need it."""
    planned: dict[str, list[Problem]] = {}
    for problem in problems:
        if problem.severity == "planned":
            planned.setdefault(problem.message, []).append(problem)
    lines = [f"{problem.severity}: {problem}" for problem in problems if problem.severity != "planned"]
    for first, *others in planned.values():
        more = f" It stands in {len(others)} more place{'s' if len(others) > 1 else ''}." if others else ""
        lines.append(f"planned: {first}{more}")
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the files named on the command line and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m mmpt_cli.validate", description=__doc__)
    parser.add_argument("files", nargs="+", metavar="FILE", help="task or project files")
    verdicts = set()
    for path in parser.parse_args(arguments).files:
        verdict, lines = validate_file(path)
        verdicts.add(verdict)
        print("\n  ".join([f"{path}: {verdict}", *lines]))
    return next((EXIT_CODES[each] for each in ("error", "planned") if each in verdicts), 0)


if __name__ == "__main__":
    run_command(main)
