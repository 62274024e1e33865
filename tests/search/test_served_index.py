"""An index as :mod:`mmpt.web` serves it: the same answers, and updates show."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from small_index import write_colours
from starlette.testclient import TestClient

from mmpt.search import Searcher, build_index
from mmpt.web import library
from mmpt.web.app import create_app
from mmpt.web.library import Library


@pytest.fixture
def client(own, model):
    app = create_app(Library(Searcher.open(own / "index", model), "colours"))
    with TestClient(app, base_url="http://localhost") as client:
        yield client


def search(client, text, count=10):
    return client.get("/api/search", params={"q": text, "count": count}).json()["hits"]


def test_answers_are_those_of_the_searcher(client, own, model):
    searcher = Searcher.open(own / "index", model)
    for text in ("cut the onion", "شارع 🧅", "a " * 900):
        hits = searcher.search(text, 10)
        assert [(hit["video"], hit["start"], hit["end"]) for hit in search(client, text)] == [
            (hit.video_id, hit.start, hit.end) for hit in hits
        ]
        assert [hit["score"] for hit in search(client, text)] == pytest.approx(
            [hit.score for hit in hits], rel=1e-5
        )
    like = client.get("/api/similar/a", params={"count": 3}).json()
    assert [hit["video"] for hit in like["hits"]] == [hit.video_id for hit in searcher.similar("a", 3)]


def test_many_threads_get_the_answers_of_one(client):
    texts = [f"cut the onion {number}" for number in range(40)]
    alone = [search(client, text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda text: search(client, text), texts)) == alone


def test_an_update_shows_while_it_is_served(client, own, model, monkeypatch):
    monkeypatch.setattr(library, "_REFRESH", 0.0)
    assert client.get("/api/info").json()["videos"] == 4
    write_colours(own / "videos/new.mp4", "green", "blue")
    build_index([own / "videos"], own / "index", model)
    assert client.get("/api/info").json()["videos"] == 5
    assert "new" in {hit["video"] for hit in search(client, "a ball", 50)}
    assert client.get("/video/new", headers={"Range": "bytes=0-3"}).status_code == 206
    assert client.get("/thumbnail/new/1").headers["content-type"] == "image/jpeg"
