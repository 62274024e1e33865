"""Search an index in the browser: ``mmpt serve INDEX``, a page on this machine that needs no network."""

import argparse
import logging
import socket
import webbrowser
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from mmpt.utils.command import run_command
from mmpt.utils.counts import at_least_one
from mmpt.utils.optional import require
from mmpt.web.ratelimit import RATE
from mmpt_cli.parser import CommandParser
from mmpt_cli.searching import add_model_options, open_searcher

__all__ = ["main", "make_parser"]

logger = logging.getLogger(__name__)


def make_parser(prog: str = "mmpt serve") -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = CommandParser(
        prog=prog,
        description="Search an index in the browser: type, see moments, and play the video from there.",
        example="mmpt serve my_index",
    )
    add = parser.add_argument
    add("index", metavar="INDEX", help="folder that mmpt index wrote")
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s: this machine only)")
    add("--port", type=int, default=8000, help="port; 0: any that is free (default: %(default)s)")
    add("--name", action="append", default=[], help="a host name by which browsers reach it; repeatable")
    add("--rate", type=int, default=RATE, help="searches a minute of one client (default: %(default)s)")
    add_model_options(parser)
    add("--open", action="store_true", help="open the page in the browser")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = make_parser().parse_args(arguments)
    for package in ("starlette", "uvicorn"):
        require(package, "serve", "serve the page")
    at_least_one(**{"--rate": options.rate})
    from mmpt.web.app import create_app
    from mmpt.web.library import Library
    from mmpt.web.server import address_of, is_open, listen, make_server

    with listen(options.host, options.port) as listening:
        library = Library(open_searcher(options), Path(options.index).resolve().name)
        if is_open(listening):
            logger.warning(
                "Everyone who can reach %s can search the index and watch its videos.", options.host
            )
        address = address_of(listening)
        print(f"{library.info()['videos']} videos, {address} (Ctrl-C stops)", flush=True)
        if options.open:
            webbrowser.open(address)
        names = [*options.name, options.host, socket.gethostname()]
        with suppress(KeyboardInterrupt):  # which is how a server ends
            make_server(create_app(library, names, options.rate)).run(sockets=[listening])
    return 0


if __name__ == "__main__":
    run_command(main)
