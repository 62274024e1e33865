"""A server whose searches take 2 ms: ``slow_server.py VIDEO``; says its address first."""

import sys
import time
from pathlib import Path

from fake_searcher import FakeIndex, FakeSearcher, entry_of

from mmpt.web.app import create_app
from mmpt.web.library import Library
from mmpt.web.server import address_of, listen, make_server


class SlowSearcher(FakeSearcher):
    def search(self, text, count=10):
        time.sleep(0.002)
        return super().search(text, count)


if __name__ == "__main__":
    index = FakeIndex.of([entry_of(Path(sys.argv[1]), 12)])
    with listen("127.0.0.1", 0) as listening:
        sys.stdout.write(f"{address_of(listening)}\n")
        sys.stdout.flush()
        make_server(create_app(Library(SlowSearcher(index), "load"))).run(sockets=[listening])
