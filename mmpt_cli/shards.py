"""Tools for shards: ``python -m mmpt_cli.shards verify FOLDER``.

``verify`` reads every shard in a folder and prints every fault; the exit code is 0 only if there is none.
"""

import argparse
from collections.abc import Sequence

from mmpt.store.verify import verify_shards
from mmpt.utils.command import run_command

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m mmpt_cli.shards", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    verify = commands.add_parser("verify", help="check sizes, starts, ids and checksums of all shards")
    verify.add_argument("folder", help="folder of the shards (vfeat_dir)")
    options = parser.parse_args(arguments)
    result = verify_shards(options.folder)
    for problem in result.problems:
        print(problem)
    unchecked = f", {result.without_checksum} of them without a checksum" if result.without_checksum else ""
    print(f"{result.files} files with {result.items} items{unchecked}: {len(result.problems)} problems")
    return 1 if result.problems else 0


if __name__ == "__main__":
    run_command(main)
