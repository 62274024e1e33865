"""``mmpt serve``: what it prints and refuses; the server itself is tested in ``tests/web``."""

import socket
import sys
from types import SimpleNamespace

import pytest

from mmpt.errors import ConfigError, DataError, MissingDependencyError
from mmpt.web import server
from mmpt_cli import serve
from mmpt_cli.serve import main, make_parser


@pytest.fixture
def runs(monkeypatch):
    """Ports on which a server would have run; searchers are empty."""
    meta = SimpleNamespace(model=SimpleNamespace(task="", identity="none"), generation=0)
    index = SimpleNamespace(meta=meta, counts={"videos": 3, "seconds": 0, "clips": 0})
    monkeypatch.setattr(serve, "open_searcher", lambda options: SimpleNamespace(index=index))
    ran = []
    run = SimpleNamespace(run=lambda sockets: ran.append(sockets[0].getsockname()))
    monkeypatch.setattr(server, "make_server", lambda app: run)
    return ran


def test_it_says_where_the_page_is(runs, capsys, caplog):
    assert main(["my_index", "--port", "0"]) == 0
    ((host, port),) = runs
    assert host == "127.0.0.1"
    assert capsys.readouterr().out == f"3 videos, http://127.0.0.1:{port} (Ctrl-C stops)\n"
    assert not caplog.records


def test_it_warns_when_others_can_reach_it(runs, caplog):
    main(["my_index", "--host", "0.0.0.0", "--port", "0"])
    assert caplog.messages == ["Everyone who can reach 0.0.0.0 can search the index and watch its videos."]


def test_a_taken_port_is_told_before_a_model_is_loaded():
    with (
        server.listen("127.0.0.1", 0) as taken,
        pytest.raises(ConfigError, match=r"listened on \(Address already in use\)\. Give another --port"),
    ):
        main(["no_index", "--port", str(taken.getsockname()[1])])


def test_ctrl_c_is_how_it_ends_and_the_name_of_the_machine_is_its_own(runs, monkeypatch):
    def interrupted(sockets):
        raise KeyboardInterrupt

    names = []
    monkeypatch.setattr(server, "make_server", lambda app: SimpleNamespace(run=interrupted))
    monkeypatch.setattr("mmpt.web.app.create_app", lambda library, given, rate: names.extend(given))
    assert main(["my_index", "--port", "0", "--name", "videos.local"]) == 0
    assert names == ["videos.local", "127.0.0.1", socket.gethostname()]


def test_a_missing_index_is_told():
    with pytest.raises(DataError, match="no_index"):
        main(["no_index", "--port", "0"])


def test_a_rate_of_nothing_is_refused(runs):
    with pytest.raises(ConfigError, match="--rate must be at least 1, got 0"):
        main(["my_index", "--port", "0", "--rate", "0"])
    assert not runs


def test_without_the_extra_it_says_which(monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'mmpt\[serve\]'"):
        main(["my_index"])


def test_the_help_has_an_example():
    assert "mmpt serve my_index" in make_parser().format_help()
