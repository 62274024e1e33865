"""What the server answers: moments in order, bounds in sentences, and an index that changes meanwhile."""

import contextlib
import os
import shutil
import time

import pytest
from fake_searcher import entry_of
from running_site import SCRIPTS

from mmpt.errors import DataError
from mmpt.search.searcher import MOST_CHARACTERS
from mmpt.web import library


def found(answer):
    return [(hit["video"], hit["start"]) for hit in answer["hits"]]


def test_moments_come_best_first_with_all_that_a_page_needs(site):
    status, answer = site.search("someone slices an onion", 2)
    assert status == 200
    assert answer["query"] == "someone slices an onion"
    # All four words, then two of four: 10 * 1 - 2 and 10 * 0.5 - 2.
    assert [(hit["video"], hit["start"], hit["score"]) for hit in answer["hits"]] == [
        ("kitchen", 2.0, 8.0),
        ("garden", 0.0, 3.0),
    ]
    assert answer["hits"][0] == {
        "video": "kitchen",
        "file": "kitchen.mp4",
        "seconds": 12,
        "start": 2.0,
        "end": 5.0,
        "source": "/video/kitchen",
        "thumbnail": "/thumbnail/kitchen/3",
        "type": 'video/mp4; codecs="avc1.640028"',
        "problem": None,
        "score": 8.0,
        "percentile": 99.97,
    }


@pytest.mark.parametrize(
    "text", ["🧅🔪", "شخص يقطع بصلة", "a\u202eb", "onion\x00", "<script>&amp;</script>", "%25"]
)
def test_any_text_is_searched_as_it_was_typed(site, text):
    status, answer = site.search(text)
    assert (status, answer["query"]) == (200, text)
    assert site.searcher.searched == [text]


@pytest.mark.parametrize("query", ["", "?q=", "?q=%20%0A", "?count=3"])
def test_an_empty_query_is_told_so(site, query):
    status, answer = site.ask(f"/api/search{query}")
    assert status == 400
    assert answer["error"].startswith("The query is empty")
    assert not site.searcher.searched


@pytest.mark.parametrize("text", ["onion " * 17_000, "🧅" * 25_000])
def test_a_query_of_100_kb_is_refused_in_a_sentence(site, text):
    assert len(text.encode()) >= 100_000
    status, answer = site.search(text)
    assert status == 413
    assert answer["error"] == (f"A query has {MOST_CHARACTERS} characters at most; this one has {len(text)}.")
    assert not site.searcher.searched


def test_a_request_beyond_all_bounds_is_refused_too(site):
    with contextlib.suppress(ConnectionError):  # it may be closed before all of it was sent
        assert site.get("/api/search?q=" + "a" * 5_000_000).status in (400, 413)
    assert site.search("onion")[0] == 200


@pytest.mark.parametrize("count", ["0", "101", "-1", "1.5", "x", "", "%C2%B2", "9" * 5000])
def test_a_count_out_of_bounds_is_refused(site, count):
    status, answer = site.ask(f"/api/search?q=onion&count={count}")
    assert status == 400
    assert "count is a whole number from 1 to 100" in answer["error"]


def test_videos_like_one_leave_it_out(site):
    status, answer = site.ask("/api/similar/garden?count=2")
    assert (status, answer["video"]["video"]) == (200, "garden")
    assert found(answer)[0] == ("kitchen", 2.0)
    assert "garden" not in {hit["video"] for hit in answer["hits"]}


def test_the_videos_come_in_pages(site):
    assert [each["video"] for each in site.ask("/api/videos?count=3")[1]["videos"]] == [
        "garden",
        "kitchen",
        "old",
    ]
    status, rest = site.ask("/api/videos?start=3&count=3")
    assert (status, rest["total"], [each["video"] for each in rest["videos"]]) == (200, 4, ["street"])
    assert site.ask("/api/video/street")[1] == rest["videos"][0]


def test_info_says_what_the_index_is(site):
    assert site.ask("/api/info")[1] | {"mmpt": None} == {
        "name": "my_index",
        "model": "retri/videoclip/how2",
        "identity": "MMFusionSeparate 01234567",
        "knows": None,
        "generation": 1,
        "videos": 4,
        "seconds": 40,
        "clips": 0,
        "problem": None,
        "mmpt": None,
    }


def test_what_a_writer_publishes_shows_without_a_restart(site, videos, monkeypatch):
    monkeypatch.setattr(library, "_REFRESH", 0.0)
    assert len(site.search("a dog", 100)[1]["hits"]) == 6
    site.searcher.publish([entry_of(videos / "garden.mp4", 12)])
    assert found(site.search("a dog", 100)[1]) == [("garden", 4.0), ("garden", 0.0)]
    assert site.ask("/api/info")[1]["generation"] == 2
    assert site.ask("/api/video/street")[0] == 404


@pytest.mark.parametrize("kind", [DataError, PermissionError])
def test_an_index_that_breaks_is_served_as_it_was(site, monkeypatch, kind):
    monkeypatch.setattr(library, "_REFRESH", 0.0)
    site.searcher.fault = kind("The file index.json cannot be read.")
    assert site.search("onion")[0] == 200
    assert site.ask("/api/info")[1]["problem"] == "The file index.json cannot be read."
    site.searcher.fault = None
    assert site.ask("/api/info")[1]["problem"] is None


def test_a_publication_during_a_search_leads_to_another_search(site, videos, monkeypatch):
    monkeypatch.setattr(library, "_REFRESH", 0.0)
    search = site.searcher.search

    def slow(text, count=10):
        hits = search(text, count)
        if len(site.searcher.searched) == 1:  # as a refresh of another thread does
            site.searcher.publish([entry_of(videos / "street.mp4", 12)])
            site.searcher.refresh()
        return hits

    monkeypatch.setattr(site.searcher, "search", slow)
    assert found(site.search("a dog", 100)[1]) == [("street", 6.0)]
    assert site.searcher.searched == ["a dog", "a dog"]


@pytest.fixture
def own(site, videos, tmp_path, monkeypatch):
    """Path of a video in the index that a test may spoil."""
    monkeypatch.setattr(library, "_REFRESH", 0.0)
    path = tmp_path / "own.mp4"
    shutil.copy(videos / "street.mp4", path)
    site.searcher.publish([entry_of(path, 12)])
    assert site.ask("/api/video/own")[1]["problem"] is None
    return path


def test_a_video_that_was_deleted_is_found_and_told(site, own):
    own.unlink()
    assert site.search("x")[1]["hits"][0]["problem"] == "The file own.mp4 is gone since it was indexed."
    assert site.ask("/video/own") == (404, {"error": "The file own.mp4 is gone since it was indexed."})
    assert site.get("/thumbnail/own/1").status == 404


def test_a_video_that_has_changed_plays_and_is_told(site, own, videos):
    shutil.copy(videos / "kitchen.mp4", own)
    entry = site.ask("/api/video/own")[1]
    assert entry["problem"] == "The file has changed since it was indexed; run mmpt index again."
    assert entry["type"]
    assert site.get("/video/own").body == own.read_bytes()


def test_what_is_no_video_any_more_is_not_sent(site, own):
    own.write_text("<script>alert(1)</script>")
    assert site.ask("/video/own") == (415, {"error": "The file own.mp4 is no video that can be read."})
    assert site.get("/thumbnail/own/1").status == 415


def test_a_link_put_in_place_of_a_video_is_not_followed(site, own, videos):
    own.unlink()
    own.symlink_to(videos / "kitchen.mp4")
    status, answer = site.ask("/video/own")
    assert status == 403
    assert "lies behind a link" in answer["error"]
    assert site.get("/thumbnail/own/1").status == 403


def test_a_link_that_was_indexed_is_followed_to_what_was_indexed(site, own, videos, tmp_path):
    link = tmp_path / "link.mp4"
    link.symlink_to(own)
    entry = entry_of(link, 12)
    site.searcher.publish([entry.__class__(**{**vars(entry), "path": str(link)})])
    assert site.get("/video/link").body == own.read_bytes()
    os.utime(own, (0, 0))
    assert site.get("/video/link").status == 403


def test_scripts_of_the_fake_are_in_the_index(searcher):
    assert set(SCRIPTS) == {entry.id for entry in searcher.index.videos}


def test_a_search_tells_its_time(site, monkeypatch):
    monkeypatch.setattr(site.searcher, "search", lambda text, count: time.sleep(0.05) or [])
    assert site.search("onion")[1]["milliseconds"] >= 50
