"""An index that needs no model, and a real server on loopback over it."""

import http.client
import json
import threading
from contextlib import contextmanager
from types import SimpleNamespace
from urllib.parse import quote

import av
import numpy as np
from waiting import wait_until

from mmpt.web.app import create_app
from mmpt.web.library import Library
from mmpt.web.server import address_of, listen, make_server

SCRIPTS = {
    "kitchen": [(2.0, 5.0, "someone slices an onion"), (8.0, 10.0, "someone stirs the soup")],
    "garden": [(4.0, 9.0, "a dog digs a hole"), (0.0, 3.0, "someone slices bread")],
    "street": [(6.0, 8.0, "a red car turns left")],
    "old": [(1.0, 3.0, "a dog sleeps")],
}
SECONDS = 12


def write_avi(path, seconds=4):
    """Write MPEG-4 part 2 in AVI, which no browser plays."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.height, stream.width = 48, 64
        for level in range(10 * seconds):
            image = np.full((48, 64, 3), 5 * level, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


class Site:
    """A server that runs, and what was asked of it."""

    def __init__(self, searcher, address, connections):
        self.searcher, self.address, self.connections = searcher, address, connections
        self._host = address.removeprefix("http://")

    def get(self, path, method="GET", **headers):
        """Return status, headers and content of an answer; ``path`` is sent as it is."""
        connection = http.client.HTTPConnection(self._host, timeout=60)
        try:
            connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
            answer = connection.getresponse()
            head = {name.lower(): value for name, value in answer.getheaders()}
            return SimpleNamespace(status=answer.status, head=head, body=answer.read())
        finally:
            connection.close()

    def ask(self, path, **headers):
        """Return status and JSON of an answer."""
        answer = self.get(path, **headers)
        return answer.status, json.loads(answer.body)

    def search(self, text, count=24):
        return self.ask(f"/api/search?q={quote(text)}&count={count}")


@contextmanager
def serving(searcher, **options):
    """Serve on a free port while the block runs."""
    with listen("127.0.0.1", 0) as listening:
        server = make_server(create_app(Library(searcher, "my_index"), **options))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            wait_until(lambda: server.started)
            yield Site(searcher, address_of(listening), server.server_state.connections)
        finally:
            server.should_exit = True
            thread.join()
