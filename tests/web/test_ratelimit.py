"""One client gets a minute's worth of searches at once, and then one after the other as time passes."""

from hypothesis import given
from hypothesis import strategies as st
from running_site import serving

from mmpt.web import ratelimit
from mmpt.web.ratelimit import RateLimit


class Clients:
    """Ask a rate limit at times in seconds."""

    def __init__(self, rate):
        self.now = 0
        self.limit = RateLimit(rate, clock=lambda: self.now)

    def ask(self, seconds, address="1.2.3.4"):
        self.now = int(seconds * 10**9)
        return self.limit.wait(address)


def test_a_minutes_worth_at_once_then_one_after_the_other():
    clients = Clients(rate=3)  # one in 20 seconds
    assert [clients.ask(0) for _ in range(3)] == [0] * 3
    # Those that are refused do not count: the wait does not grow with them.
    assert [clients.ask(0), clients.ask(0), clients.ask(12.5)] == [20, 20, 8]
    assert [clients.ask(20), clients.ask(20)] == [0, 20]
    # After a minute of silence all three are there again, and no more.
    assert [clients.ask(100) for _ in range(4)] == [0, 0, 0, 20]


@given(st.integers(1, 50), st.lists(st.floats(0, 200), max_size=200))
def test_no_minute_lets_more_in_than_twice_the_rate(rate, times):
    clients, let_in = Clients(rate), []
    for at in sorted(times):
        if not clients.ask(at):
            let_in.append(at)
    for at in let_in:  # what was saved up, and what came in as it passed
        assert sum(at <= other < at + 60 for other in let_in) <= 2 * rate


def test_each_client_has_its_own_and_an_ipv6_network_is_one():
    clients = Clients(rate=1)
    for address in ("1.2.3.4", "1.2.3.5", "2001:db8::1", "2001:db8:0:1::1"):
        assert clients.ask(0, address) == 0
    for address in ("1.2.3.4", "2001:db8::2:1", "2001:db8::1%eth0"):
        assert clients.ask(0, address) == 60


def test_only_so_many_clients_are_remembered(monkeypatch):
    monkeypatch.setattr(ratelimit, "_CLIENTS", 3)
    clients = Clients(rate=1)
    for address in "abcd":
        clients.ask(0, address)
    assert clients.ask(0, "d") == 60
    assert clients.ask(0, "a") == 0
    assert len(clients.limit._full_at) == 3


def test_too_many_searches_are_refused_in_a_sentence_and_the_rest_goes_on(searcher):
    with serving(searcher, rate=2) as site:
        assert site.search("onion")[0] == 200
        assert site.ask("/api/similar/garden")[0] == 200
        answer = site.get("/api/search?q=dog")
        wait = int(answer.head["retry-after"])
        assert (answer.status, answer.body.decode()) == (
            429,
            '{"error":"More than 2 searches a minute came from your address. '
            f'Try again in {wait} seconds."}}',
        )
        assert 1 < wait <= 30
        assert searcher.searched[0] == "onion"
        assert "dog" not in searcher.searched
        for path in ("/", "/api/info", "/api/videos", "/thumbnail/kitchen/1"):
            assert site.get(path).status == 200
