"""Print what a shell reads to complete ``mmpt``, its commands, their options and files.

To have it in every shell::

    mmpt completion bash > ~/.local/share/bash-completion/completions/mmpt
    mmpt completion zsh > ~/.zfunc/_mmpt        with fpath+=(~/.zfunc) before compinit in ~/.zshrc
"""

import argparse
import importlib
from collections.abc import Sequence
from pathlib import Path

from mmpt.utils.command import run_command
from mmpt.utils.optional import require
from mmpt_cli.main import COMMANDS
from mmpt_cli.parser import CommandParser

__all__ = ["main", "make_parser", "whole_parser"]

SHELLS = ("bash", "zsh", "tcsh")


def make_parser(prog: str = "mmpt completion") -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = CommandParser(prog, __doc__, "source <(mmpt completion bash)")
    parser.add_argument("shell", choices=SHELLS, help="the shell")
    return parser


def whole_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands with all their options."""
    parser = CommandParser("mmpt")
    commands = parser.add_subparsers(dest="command", parser_class=argparse.ArgumentParser)
    for name, line in COMMANDS.items():
        module = importlib.import_module(f"mmpt_cli.{name}")
        commands.add_parser(name, help=line, parents=[module.make_parser()], add_help=False)
    return parser


def _complete_files(parser: argparse.ArgumentParser, files: object) -> None:
    """Mark arguments that may name a file: they have a value that is neither a choice nor a number."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                _complete_files(each, files)
        elif action.nargs != 0 and not action.choices and action.type in (None, str, Path):
            action.complete = files  # type: ignore[attr-defined]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the completion for a shell and return the exit code."""
    shell = make_parser().parse_args(arguments).shell
    shtab = require("shtab", "completion", "complete commands in a shell")
    parser = whole_parser()
    _complete_files(parser, shtab.FILE)
    print(shtab.complete(parser, shell))
    return 0


if __name__ == "__main__":
    run_command(main)
