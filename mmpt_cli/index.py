"""Make a folder of videos searchable: decode, encode, index.

The same command again adds new videos, replaces changed ones and does nothing otherwise; stopped, it goes
on where it was. A video that cannot be used is named, and the exit code is 1; the rest is indexed.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from mmpt.errors import DataError
from mmpt.utils.command import run_command
from mmpt_cli.parser import CommandParser

if TYPE_CHECKING:
    from mmpt.models import MMPTModel
    from mmpt.store.extraction_report import ExtractionReport
    from mmpt.store.paths import VideoJob

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
    add("--remove", action="append", default=[], metavar="ID", help="take out this video; repeatable")
    add("--verify", action="store_true", help="read the whole index and compare its checksums")
    add("--num_workers", type=int, default=1, help="processes that decode and encode (default: 1)")
    add("--device", help="cpu, cuda or cuda:<n>; default: a GPU if there is one")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = make_parser()
    options = parser.parse_intermixed_args(arguments)  # folders may stand after options
    if not (options.videos or options.verify or options.remove):
        parser.error("name a folder of videos, or give --remove or --verify")
    if options.num_workers < 1:
        parser.error("--num_workers counts from 1")
    code = _build(options) if options.videos else 0
    if options.remove:
        _remove(options)
    return max(code, _verify(options.out)) if options.verify else code


def _build(options: argparse.Namespace) -> int:
    from mmpt.search import Index, build_index
    from mmpt.search.build import VIDEOS_AT_ONCE
    from mmpt.utils.device import pick_device

    report = build_index(
        options.videos,
        options.out,
        options.model,
        plugins=options.plugin,
        device=pick_device(options.device),
        remove_missing=options.remove_missing,
        extract=partial(_extract, options.num_workers, options.device),
        videos_at_once=VIDEOS_AT_ONCE * options.num_workers,
    )
    for path, reason in report.failed.items():
        print(reason if path in reason else f"{path}: {reason}", file=sys.stderr)
    counts = Index.open(options.out).counts
    print(
        f"{options.out}: {report.added} videos added, {report.updated} updated, {report.removed} removed, "
        f"{report.unchanged} unchanged, {len(report.failed)} failed; {counts['videos']} videos, "
        f"{counts['seconds']} seconds in all"
    )
    if report.missing:
        print(f"{report.missing} videos do not exist any more; --remove-missing takes them out")
    return int(bool(report.failed))


def _remove(options: argparse.Namespace) -> None:
    from mmpt.search import remove_videos

    remove_videos(options.out, options.remove, options.model, plugins=options.plugin)
    print(f"{options.out}: taken out: {', '.join(options.remove)}")


def _extract(
    workers: int, device: str | None, model: "MMPTModel", jobs: Sequence["VideoJob"]
) -> "ExtractionReport":
    """Make features as ``mmpt extract`` makes them, here or in several processes."""
    import torch

    from mmpt.search.build import extract_here
    from mmpt.store.crew import extract_with_workers
    from mmpt_cli.extract import parse
    from mmpt_cli.extraction import threads, worker_command

    choice, l2_normalize = model.encoder_choice, model.config.extractor.l2_normalize
    arguments = ["--fdir", str(jobs[0].feature.parent), "--type", choice.type]
    arguments += ["--num_workers", str(workers)]
    arguments += ["--weights", choice.weights] if choice.weights else []
    arguments += ["--device", device] if device else []
    arguments += [] if l2_normalize is None else ["--l2_normalize", str(int(l2_normalize))]
    for name, value in choice.options.items():
        arguments += ["--option", f"{name}={json.dumps(value)}"]
    for plugin in choice.plugins:
        arguments += ["--plugin", plugin]
    options = parse(arguments)
    if workers == 1:
        torch.set_num_threads(threads(options, model.video_encoder().spec.clipwise))
        return extract_here(model, jobs)
    return extract_with_workers(jobs, partial(worker_command, arguments, options), workers)


def _verify(folder: str) -> int:
    from mmpt.search import Index

    index = Index.open(folder)
    faults = index.verify()
    if faults:
        raise DataError(" ".join(faults))
    print(f"{folder}: all {len(index.checksums())} files are as they were written")
    return 0


if __name__ == "__main__":
    run_command(main)
