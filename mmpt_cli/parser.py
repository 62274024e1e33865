"""What all commands share on their command lines: an example in ``--help``, and how much they tell."""

import argparse
import logging
from typing import Any

__all__ = ["CommandParser"]


class CommandParser(argparse.ArgumentParser):
    """A parser whose help ends with an example, and that knows ``-v`` and ``-q``.

    Args:
        prog: The command, such as ``mmpt search``.
        description: What it does, such as the docstring of the module; printed as it is written.
        example: A command line to start from.
        options: Further arguments of :class:`argparse.ArgumentParser`.
    """

    def __init__(
        self, prog: str | None = None, description: str | None = None, example: str = "", **options: Any
    ) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        if example:
            options["epilog"] = f"example:\n  {example}"
        text = (description or "").strip().replace("::\n", ":\n").replace("``", "")
        super().__init__(prog=prog, description=text, **options)
        tells = self.add_mutually_exclusive_group()
        add = tells.add_argument
        add("-v", "--verbose", action=_Tell, const=logging.DEBUG, help="tell more, and where an error arose")
        add("-q", "--quiet", action=_Tell, const=logging.WARNING, help="only warnings, errors and results")


class _Tell(argparse.Action):
    """Sets how much is told: of mmpt from the level on, of other packages never more than usual."""

    def __init__(self, option_strings: list[str], dest: str, const: int, help: str) -> None:
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, const=const, help=help)

    def __call__(self, *_: object) -> None:
        logging.getLogger().setLevel(max(self.const, logging.INFO))
        for package in ("mmpt", "mmpt_cli"):
            logging.getLogger(package).setLevel(self.const)
