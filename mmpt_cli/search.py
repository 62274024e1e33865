"""Find moments that fit a sentence, or videos that are like one of the index.

Prints rank, file, from-to, score and percentile; what they mean stands in docs/own-videos.md.
"""

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mmpt.utils.command import run_command
from mmpt_cli.parser import CommandParser
from mmpt_cli.searching import add_model_options, open_searcher

if TYPE_CHECKING:
    from mmpt.search import Hit

__all__ = ["main", "make_parser"]

_SHOWN = 200
"""Characters of a text that are shown above its moments."""


def make_parser(prog: str = "mmpt search") -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = CommandParser(prog, __doc__, 'mmpt search my_index "someone slices an onion"')
    add = parser.add_argument
    add("index", metavar="INDEX", help="folder of the index")
    add("queries", nargs="*", metavar="TEXT", help="what to look for; - reads one from each line of stdin")
    add("--like", metavar="ID", action="append", default=[], help="id of a video: find similar ones")
    add("--count", type=int, default=10, help="results of each query (default: 10)")
    add("--json", action="store_true", help="print a line of JSON for each query")
    add_model_options(parser)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = make_parser()
    options = parser.parse_intermixed_args(arguments)  # texts may stand after options
    if not (options.queries or options.like):
        parser.error("give a text to look for, or --like ID")
    from mmpt.search import Index, Searcher

    searcher = open_searcher(options) if options.queries else Searcher(Index.open(options.index))
    for query in _queries(options.queries):
        _show({"query": query}, searcher.search(query, options.count), options)
    for video_id in options.like:
        _show({"like": video_id}, searcher.similar(video_id, options.count), options)
    return 0


def _queries(texts: Sequence[str]) -> Iterator[str]:
    for text in texts:
        if text == "-":
            yield from filter(None, map(str.strip, sys.stdin))
        else:
            yield text


def _show(asked: dict[str, str], hits: Sequence["Hit"], options: argparse.Namespace) -> None:
    if options.json:
        print(json.dumps({**asked, "hits": [dataclasses.asdict(hit) for hit in hits]}), flush=True)
        return
    if len(options.queries) + len(options.like) > 1 or "-" in options.queries:
        text = " ".join(next(iter(asked.values())).split())
        print(text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}...")
    rows = [_cells(hit) for hit in hits]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for rank, row in enumerate(rows, 1):
        cells = (f"{cell:{side}{width}}" for cell, side, width in zip(row, "<<>><", widths, strict=True))
        print("  ".join([f"{rank:3d}", *cells]).rstrip(), flush=True)
    if not hits:
        print("nothing was found: the index has no video")


def _cells(hit: "Hit") -> tuple[str, ...]:
    times = f"{_minutes(hit.start)}-{_minutes(hit.end)}"
    state = "" if hit.state == "ok" else f"({hit.state})"
    path = hit.path.removeprefix(f"{os.getcwd()}/")
    return path, times, f"{hit.score:.3f}", f"{hit.percentile:.2f} %", state


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


if __name__ == "__main__":
    run_command(main)
