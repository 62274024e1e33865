"""Tokenise captions: ``mmpt shards tokenise`` under its old name, options and all."""

import sys
from collections.abc import Sequence

from mmpt.utils.command import run_command
from mmpt_cli import shards


def main(arguments: Sequence[str] | None = None) -> int:
    return shards.main(["tokenise", *(sys.argv[1:] if arguments is None else arguments)])


if __name__ == "__main__":
    run_command(main)
