"""What a process that a test trains in runs."""

import os
import sys

from fairseq_cli.train import cli_main

import mmpt.fairseq_plugin  # noqa: F401, fairseq imports --user-dir only if nobody has done so


def train_here(output: str, *arguments: str) -> None:
    """Be ``fairseq-train``; what it says goes to a file."""
    with open(output, "w") as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    sys.argv = ["fairseq-train", *arguments]
    cli_main()
