"""What keeps strangers and floods out."""

import re
import socket
import threading
from html.parser import HTMLParser
from pathlib import Path

import pytest
from running_site import serving
from waiting import wait_until

from mmpt.errors import ConfigError
from mmpt.web import app
from mmpt.web.guard import HEADERS
from mmpt.web.server import address_of, is_open, listen

STATIC = Path(app.__file__).parent / "static"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "LOCALHOST:8000", "[::1]:80", "192.168.1.5:8000", "tv.home"]
)
def test_addresses_and_own_names_are_answered(searcher, host):
    with serving(searcher, names=["TV.home"]) as site:
        assert site.get("/api/info", Host=host).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "", "[x", "a b"]
)
@pytest.mark.parametrize("path", ["/", "/api/search?q=a", "/video/kitchen", "/thumbnail/kitchen/0"])
def test_another_name_is_refused_everywhere(site, host, path):
    answer = site.get(path, Host=host)
    assert answer.status == 400
    assert not site.searcher.searched


@pytest.mark.parametrize(
    "path", ["/", "/page.js", "/api/info", "/video/kitchen", "/thumbnail/kitchen/1", "/none"]
)
def test_every_answer_has_its_rules(site, path):
    head = site.get(path).head
    policy = head["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert head["x-content-type-options"] == "nosniff"
    assert head["cross-origin-resource-policy"] == "same-origin"
    assert "server" not in head
    assert "cache-control" in head


def test_the_answer_for_a_bug_has_its_rules_and_tells_no_more(site, monkeypatch):
    monkeypatch.setattr(site.searcher, "search", lambda text, count: 1 / 0)
    answer = site.get("/api/search?q=onion")
    assert (answer.status, answer.body) == (
        500,
        b'{"error":"The server has failed; its terminal says how."}',
    )
    assert answer.head.items() >= HEADERS.items()


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


def test_the_page_obeys_its_own_rules_and_loads_nothing_from_elsewhere():
    tags = Tags()
    tags.feed((STATIC / "index.html").read_text())
    for tag, attributes in tags.found:
        assert tag != "style"
        assert tag != "script" or "src" in attributes
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
    for path in STATIC.iterdir():
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|url\(|@import|innerHTML|eval\(", text), path.name


def test_more_than_can_wait_are_told_when_to_come_again(searcher, monkeypatch):
    monkeypatch.setattr(app, "WAITING", 3)
    searcher.delay = threading.Event()
    answers = []
    with serving(searcher) as site:
        threads = [
            threading.Thread(target=lambda: answers.append(site.get("/api/search?q=a"))) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        # Two are at work and three wait.
        wait_until(lambda: len(answers) == 3)
        for refused in answers:
            assert (refused.status, refused.head["retry-after"]) == (503, "3")
            assert b"are waiting already" in refused.body
        # What is not searched for comes meanwhile.
        assert site.get("/api/videos").status == 200
        assert site.get("/thumbnail/kitchen/1").status == 200
        searcher.delay.set()
        for thread in threads:
            thread.join()
        assert [answer.status for answer in answers[3:]] == [200] * 5
        assert site.search("c")[0] == 200


def test_who_has_left_is_not_searched_for(searcher):
    searcher.delay = threading.Event()
    with serving(searcher) as site:
        busy = [threading.Thread(target=site.search, args=(f"busy {n}",)) for n in range(2)]
        for thread in busy:
            thread.start()
        wait_until(lambda: len(searcher.begun) == 2)
        host, port = site.address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as leaving:
            leaving.sendall(f"GET /api/search?q=gone HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            wait_until(lambda: len(site.connections) == 3)
        wait_until(lambda: len(site.connections) == 2)
        searcher.delay.set()
        for thread in busy:
            thread.join()
        assert site.search("here")[0] == 200
    assert sorted(searcher.searched) == ["busy 0", "busy 1", "here"]


def test_a_taken_port_and_a_foreign_address_are_told_in_a_sentence():
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(ConfigError, match=f"Port {port} of 127.0.0.1 cannot be listened on .*--port"):
            listen("127.0.0.1", port)
    for host, port in [("192.0.2.1", 0), ("no such host", 0), ("127.0.0.1", 70_000)]:
        with pytest.raises(ConfigError, match="cannot be listened on"):
            listen(host, port)


def test_loopback_is_closed_and_all_addresses_are_open():
    with listen("127.0.0.1", 0) as loopback, listen("0.0.0.0", 0) as everywhere:
        assert not is_open(loopback)
        assert is_open(everywhere)
        assert address_of(loopback) == f"http://127.0.0.1:{loopback.getsockname()[1]}"
        # Which others can open, as they cannot 0.0.0.0.
        assert address_of(everywhere) == f"http://{socket.gethostname()}:{everywhere.getsockname()[1]}"
