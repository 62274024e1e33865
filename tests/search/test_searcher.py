"""What a search finds, and what it says when it cannot."""

import logging
import os
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from small_index import write_colours

from mmpt.errors import ConfigError, DataError
from mmpt.modules.moments import find_moments
from mmpt.search import Searcher, build_index
from mmpt.search.reference import SENTENCES
from mmpt.search.searcher import MOST_CHARACTERS, clean_query


def test_a_search_finds_the_best_moments_of_all_videos(searcher, model):
    """As computed one video after the other, second by second."""
    vector = model.encode_text(["red ball"])[0]
    expected = []
    for entry in searcher.index.videos:
        number, position = searcher.index.place(entry.id)
        scores = (searcher.index.segments[number].of(position).seconds.double() @ vector.double()).numpy()
        for moment in find_moments(scores, 5):
            expected.append((-moment.score, entry.id, moment.start, moment.end))
    expected = sorted(expected)[:5]
    hits = searcher.search("red ball", 5)
    assert [(hit.video_id, hit.start, hit.end) for hit in hits] == [each[1:] for each in expected]
    np.testing.assert_allclose([hit.score for hit in hits], [-each[0] for each in expected], rtol=1e-5)


def test_a_percentile_is_the_share_of_lower_scores_of_everyday_sentences(searcher, model):
    index = searcher.index
    seconds = torch.cat([index.segments[n].of(at).seconds for n, at in map(index.place, "abcd")]).float()
    scores = (model.encode_text(SENTENCES) @ seconds.T).flatten().numpy()
    for hit in searcher.search("red ball", 5):
        assert hit.percentile == pytest.approx((scores < hit.score).mean() * 100, abs=0.1)


def test_similar_videos_come_with_their_most_similar_clip(searcher):
    hits = searcher.similar("a", 10)
    assert sorted(hit.video_id for hit in hits) == ["b", "c", "d"]
    assert [hit.score for hit in hits] == sorted([hit.score for hit in hits], reverse=True)
    index = searcher.index
    own, other = (
        index.segments[n].videos[at].double() for n, at in (index.place("a"), index.place(hits[0].video_id))
    )
    assert hits[0].score == pytest.approx(float(own @ other), rel=1e-5)
    assert all(hit.start % 4 == 0 and hit.start < hit.end <= hit.start + 4 for hit in hits)
    assert all(0 <= hit.percentile <= 100 for hit in hits)


def test_an_unknown_video_is_named_with_the_nearest_one(made, searcher):
    with pytest.raises(DataError, match=r"has no video 'aa'\. Did you mean 'a'\?"):
        searcher.similar("aa")


def test_missing_and_changed_videos_are_found_and_marked(own, model):
    (own / "videos/a.mp4").unlink()
    os.utime(own / "videos/b.mp4", ns=(1, 1))
    hits = Searcher.open(own / "index", model).search("red", 50)
    states = {hit.video_id: hit.state for hit in hits}
    assert states == {"a": "missing", "b": "changed", "c": "ok", "d": "ok"}


@pytest.mark.parametrize(
    "text", ["🍕🍕🍕", "تقطيع البصل", "a\x00b", "\ud83c half a character", "x" * 100_000, "cut " * 30_000]
)
def test_any_text_is_searched(searcher, text):
    hits = searcher.search(text, 3)
    assert len(hits) == 3
    assert all(np.isfinite(hit.score) for hit in hits)


@pytest.mark.parametrize("text", ["", " \n\t ", "\ud83c"])
def test_an_empty_query_is_refused(searcher, text):
    with pytest.raises(DataError, match="The query is empty"):
        searcher.search(text)


def test_a_long_query_is_cut_and_says_so(caplog):
    with caplog.at_level(logging.WARNING):
        assert len(clean_query("word " * 20_000)) == MOST_CHARACTERS
    assert "cut off after 2000 characters" in caplog.text
    caplog.clear()
    assert clean_query("  two\n words ") == "two words"
    assert not caplog.text


@pytest.mark.parametrize("count", [0, -1, 1001])
def test_a_count_out_of_range_is_refused(searcher, count):
    with pytest.raises(ConfigError, match=f"given is {count}"):
        searcher.search("red", count)


def test_searches_of_many_threads_find_what_one_finds(searcher):
    queries = [f"{word} ball" for word in ("red", "green", "blue", "dog")]
    alone = {query: searcher.search(query) for query in queries}
    with ThreadPoolExecutor(16) as pool:
        for query, hits in zip(queries * 25, pool.map(searcher.search, queries * 25), strict=True):
            assert hits == alone[query]


def test_a_reader_keeps_its_state_until_it_refreshes(own, model):
    searcher = Searcher.open(own / "index", model)
    before = searcher.search("red", 50)
    assert not searcher.refresh()
    shutil.rmtree(own / "videos/sub")
    write_colours(own / "videos/new.mp4", "green", "red", seed=7)
    build_index([own / "videos"], own / "index", model, remove_missing=True)
    assert [hit.score for hit in searcher.search("red", 50)] == [hit.score for hit in before]
    assert searcher.refresh()
    assert {entry.id for entry in searcher.index.videos} == {"a", "b", "c", "new"}
    assert {hit.video_id for hit in searcher.search("red", 50)} == {"a", "b", "c", "new"}
