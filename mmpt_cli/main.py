"""The command ``mmpt``: finds the command that was asked for, and imports nothing else.

A command is a module ``mmpt_cli/<name>.py`` with ``make_parser(prog)``, which is cheap, and
``main(arguments)``, which returns the exit code. It also runs as ``python -m mmpt_cli.<name>``.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence

import mmpt
from mmpt.registry import nearest
from mmpt.utils.command import run_command
from mmpt_cli.parser import CommandParser

__all__ = ["COMMANDS", "GROUPS", "main", "make_parser", "run"]

GROUPS = {
    "your own videos": {
        "index": "make a folder of videos searchable",
        "search": "find moments that fit a sentence, or videos like one",
        "serve": "search in the browser",
    },
    "train and evaluate": {
        "launch": "expand a project, or run its tasks, here or on a cluster",
        "predict": "evaluate a task",
        "report": "write a page about runs: curves, settings, examples",
    },
    "prepare data": {
        "extract": "videos to features",
        "shards": "pack features and tokenise captions; verify, repair, convert and count shards",
    },
    "check": {
        "validate": "check configuration files, without data",
        "doctor": "say what a task needs on disk and how it stands with each file",
        "info": "versions, extras, device, memory, and which models are ready",
        "completion": "completion of this command in your shell",
    },
}
"""Title -> command -> what it does, in the order of ``mmpt --help``."""
COMMANDS = {name: line for group in GROUPS.values() for name, line in group.items()}
_EXIT_CODES = """exit codes:
  0     done, and all is well
  1     an error, told in one sentence; or what was checked has faults, or something was left out
  2     a command line that cannot be understood
  130   stopped with Ctrl-C (serve: 0); the same command again goes on, or starts anew where it is quick
  launch ends with the exit code of the task that failed"""


def make_parser(prog: str = "mmpt") -> argparse.ArgumentParser:
    """Return the parser of what stands before and with the name of the command."""
    width = max(map(len, COMMANDS)) + 2
    groups = [
        f"{title}:\n" + "\n".join(f"  {name:{width}s}{line}" for name, line in commands.items())
        for title, commands in GROUPS.items()
    ]
    parser = CommandParser(
        prog=prog,
        usage="%(prog)s [-h] [-v | -q] COMMAND ...",
        description="\n\n".join(["Train, evaluate and search with video and language.", *groups]),
        example='mmpt index my_videos --out my_index\n  mmpt search my_index "someone slices an onion"',
    )
    parser.epilog = f"{_EXIT_CODES}\n\n{parser.epilog}"
    parser.add_argument("--version", action="version", version=f"mmpt {mmpt.__version__}")
    parser.add_argument("command", nargs="?", help=argparse.SUPPRESS)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that is named first, and return its exit code; without one, print the help."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    # What stands before the command are options without values; all that follows belongs to it.
    first = next((at for at, each in enumerate(arguments) if not each.startswith("-")), len(arguments))
    parser = make_parser()
    command = parser.parse_args(arguments[: first + 1]).command
    if command is None:
        parser.print_help()
        return 2
    if command not in COMMANDS:
        close = nearest(command, COMMANDS)
        hint = f"did you mean '{close}'?" if close else f"there are {', '.join(COMMANDS)}"
        parser.error(f"unknown command '{command}'; {hint}")
    code: int = importlib.import_module(f"mmpt_cli.{command}").main(
        [*arguments[:first], *arguments[first + 1 :]]
    )
    return code


def run() -> None:
    """Run the command and leave the process with its exit code."""
    run_command(main)


if __name__ == "__main__":
    run()
