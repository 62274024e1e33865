"""Make a folder of videos searchable: decode, encode, index.

The same command again adds new videos, replaces changed ones and does nothing otherwise; stopped, it goes
on where it was. A video that cannot be used is named, and the exit code is 1; the rest is indexed.
"""

import argparse
import sys
from collections.abc import Sequence

from mmpt.errors import DataError
from mmpt.utils.command import run_command
from mmpt_cli.parser import CommandParser

__all__ = ["main", "make_parser"]


def make_parser(prog: str = "mmpt index") -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = CommandParser(prog, __doc__, "mmpt index my_videos --out my_index")
    add = parser.add_argument
    add("videos", nargs="*", metavar="FOLDER", help="folders of videos, at any depth, or video files")
    add("--out", required=True, metavar="INDEX", help="folder of the index")
    add("--model", help="task file or saved model (default: as before; VideoCLIP; else the demo's)")
    add("--plugin", action="append", default=[], help="file or module that registers encoders; repeatable")
    add("--remove-missing", action="store_true", help="take out videos that do not exist any more")
    add("--verify", action="store_true", help="read the whole index and compare its checksums")
    add("--device", help="cpu, cuda or cuda:<n>; default: a GPU if there is one")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    if not options.videos and not options.verify:
        parser.error("name a folder of videos, or give --verify")
    code = _build(options) if options.videos else 0
    return max(code, _verify(options.out)) if options.verify else code


def _build(options: argparse.Namespace) -> int:
    from mmpt.encoders import load_plugin
    from mmpt.search import Index, build_index
    from mmpt.search.model import load_model, task_of
    from mmpt.utils.device import pick_device

    for plugin in options.plugin:
        load_plugin(plugin)
    task, record = task_of(options.out, options.model)
    model = load_model(task, record).to(pick_device(options.device))
    report = build_index(
        options.videos,
        options.out,
        model,
        task=task,
        plugins=options.plugin,
        remove_missing=options.remove_missing,
    )
    for path, reason in report.failed.items():
        print(f"{path}: {reason}", file=sys.stderr)
    counts = Index.open(options.out).counts
    print(
        f"{options.out}: {report.added} videos added, {report.updated} updated, {report.removed} removed, "
        f"{report.unchanged} unchanged, {len(report.failed)} failed; {counts['videos']} videos, "
        f"{counts['seconds']} seconds in all"
    )
    if report.missing:
        print(f"{report.missing} videos do not exist any more; --remove-missing takes them out")
    return int(bool(report.failed))


def _verify(folder: str) -> int:
    from mmpt.search import Index

    index = Index.open(folder)
    faults = index.verify()
    if faults:
        raise DataError(" ".join(faults))
    print(f"{folder}: all {len(index.meta.files())} files are as they were written")
    return 0


if __name__ == "__main__":
    run_command(main)
