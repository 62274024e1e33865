"""Captions: cleaning, removing repeats, and the files they live in."""

import json
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpt.errors import DataError
from mmpt.processors.dedupprocessor import CaptionDedupProcessor, main
from mmpt.store import caption_json
from mmpt.store.caption_files import CaptionFile, find_captions, read_captions
from mmpt.store.caption_writer import write_captions
from mmpt.store.captions import Caption, clean_captions, dedup_captions, longest_overlap, video_generator

WORDS = st.lists(st.sampled_from("ab"), max_size=12)
CAPTIONS = st.lists(st.lists(st.sampled_from(["the", "red", "onion"]), min_size=1, max_size=5), max_size=8)


def rolling(texts):
    return [Caption(float(i), i + 1.5, text) for i, text in enumerate(texts)]


@given(WORDS, WORDS)
def test_the_linear_overlap_equals_the_naive_one(old, new):
    naive = max(k for k in range(min(len(old), len(new)) + 1) if old[len(old) - k :] == new[:k])
    assert longest_overlap(old, new) == naive


@given(CAPTIONS, st.integers(0, 9))
def test_no_word_is_invented_times_stay_ordered_and_numbers_add_up(texts, seed):
    captions = rolling([" ".join(words) for words in texts])
    kept, stats = dedup_captions(captions, np.random.default_rng(seed))
    assert stats.captions_in == stats.captions_out + stats.merged == len(texts)
    assert [c.start for c in kept] == sorted(c.start for c in kept)
    assert all(c.text.split() and c.start < c.end for c in kept)
    assert sum(len(c.text.split()) for c in kept) <= sum(map(len, texts))
    # Everything said is still there, in order: trimming and merging only remove second mentions.
    assert {w for c in kept for w in c.text.split()} == {w for words in texts for w in words}


def test_a_partial_overlap_goes_to_either_side_and_keeps_whole_words():
    captions = rolling(["chop the red onion", "red onion into two"])
    outcomes = {
        tuple(c.text for c in dedup_captions(captions, np.random.default_rng(seed))[0]) for seed in range(20)
    }
    assert outcomes == {("chop the", "red onion into two"), ("chop the red onion", "into two")}


def test_letters_shared_inside_words_are_no_overlap():
    captions = rolling(["slice the uncut", "cut", "cutting board"])
    kept, stats = dedup_captions(captions, np.random.default_rng(0))
    assert [c.text for c in kept] == ["slice the uncut", "cut", "cutting board"]
    assert stats.merged == 0


def test_a_video_is_cleaned_the_same_whatever_came_before_it():
    columns = {
        "start": [0, 1, 2, 3],
        "end": [1, 2, 3, 4],
        "text": ["a b c", "c d e", "e f g", "g h i"],
    }
    alone = CaptionDedupProcessor(seed=3)("x", columns)
    processor = CaptionDedupProcessor(seed=3)
    processor("y", columns)
    assert processor("x", columns) == alone
    assert video_generator(3, "x").integers(1 << 30) != video_generator(3, "y").integers(1 << 30)


def test_captions_without_text_or_times_are_dropped_and_counted():
    columns = {
        "start": [0.0, math.nan, 2.0, 3.0, 4.0, 5.0],
        "end": [1.0, 2.0, 3.0, 4.0, None, 4.0],
        "text": [math.nan, "no start", "  ", "kept", "no end", "backwards"],
    }
    processor = CaptionDedupProcessor()
    assert processor("x", columns)["text"] == ["kept"]
    assert (processor.stats.captions_in, processor.stats.dropped, processor.stats.captions_out) == (6, 5, 1)


@pytest.mark.parametrize(
    "columns", [{"start": [0], "end": [1], "text": []}, {"start": [0]}, {"start": 0, "end": 1, "text": 2}, []]
)
def test_lists_that_do_not_match_name_the_video(columns):
    with pytest.raises(DataError, match="video 'v1' need lists"):
        clean_captions("v1", columns)


@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
def test_json_is_read_piece_by_piece_and_equals_a_whole_read(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(caption_json, "CHUNK", chunk)
    videos = {f"v{i}": {"start": [i], "end": [i + 1], "text": ['say "}{" é ' * i]} for i in range(5)}
    path = tmp_path / "raw_caption.json"
    path.write_text(json.dumps(videos, indent=1), encoding="utf-8")
    assert dict(read_captions(path)) == videos
    path.write_text(" {} ")
    assert dict(read_captions(path)) == {}


@pytest.mark.parametrize(
    "text", ["", "[]", '{"a": 3}', '{"a": {}', '{"a": {"start": [1, 2', '{"a" {}}', "{a: 1}"]
)
def test_damaged_json_names_the_file(tmp_path, text):
    path = tmp_path / "raw_caption.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"raw_caption\.json is (not a JSON object of videos|damaged)"):
        list(read_captions(path))


def test_jsonl_and_pickle_give_the_same_captions(tmp_path):
    captions = [Caption(0, 1.5, "crack the egg"), Caption(2, 3, "naïve")]
    for name in ("a.jsonl", "a.pkl"):
        assert write_captions(tmp_path / name, [("v", captions), ("w", [])]) == 2
    columns = {"start": [0, 2], "end": [1.5, 3], "text": ["crack the egg", "naïve"]}
    table = {"v": json.dumps(columns), "w": json.dumps({"start": [], "end": [], "text": []})}
    (tmp_path / "b.pkl").write_bytes(pickle.dumps(table))
    assert pickle.loads((tmp_path / "a.pkl").read_bytes()).keys() == table.keys()
    for name in ("a.jsonl", "a.pkl", "b.pkl"):
        assert dict(CaptionFile(tmp_path / name)) == {"v": captions, "w": []}


def test_the_name_of_the_original_finds_our_file(tmp_path):
    with pytest.raises(DataError, match=r"nor raw_caption_dedup\.jsonl .*mmpt shards captions"):
        find_captions(tmp_path / "raw_caption_dedup.pkl")
    (tmp_path / "raw_caption_dedup.jsonl").touch()
    assert find_captions(tmp_path / "raw_caption_dedup.pkl").suffix == ".jsonl"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"video_id": "v"}\n[]\n', r"Line 2 of .*a\.jsonl"),
        ("a.jsonl", b"{broken\n", r"Line 1 of"),
        ("a.pkl", pickle.dumps(["v"]), "holds a list"),
        ("a.pkl", pickle.dumps({"v": "{"}), "'v' in .* are not JSON"),
        ("a.txt", b"", r"ends in '\.txt'; known are"),
    ],
)
def test_damaged_caption_files_are_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        list(read_captions(tmp_path / name))


def test_the_command_writes_the_clean_file_and_reports(tmp_path, caplog):
    raw = {
        "v": {"start": [0, 1], "end": [1, 2], "text": ["stir", "stir the pot"]},
        "w": {"start": [0], "end": [1], "text": [math.nan]},
    }
    (tmp_path / "raw_caption.json").write_text(json.dumps(raw))
    with caplog.at_level("INFO"):
        assert main(["--how2dir", str(tmp_path)]) == 0
    table = pickle.loads((tmp_path / "raw_caption_dedup.pkl").read_bytes())
    assert {video: json.loads(text) for video, text in table.items()} == {
        "v": {"start": [0], "end": [2], "text": ["stir the pot"]},
        "w": {"start": [], "end": [], "text": []},
    }
    assert "2 videos, 3 captions in, 1 out, 1 dropped (no text or times), 1 merged, 0 trimmed" in caplog.text


def test_a_failing_command_leaves_no_file(tmp_path):
    (tmp_path / "raw_caption.json").write_text(
        '{"v": {"start": [0], "end": [1], "text": ["a"]}, "w": {"start"'
    )
    with pytest.raises(DataError, match="truncated"):
        main(["--how2dir", str(tmp_path)])
    assert [path.name for path in tmp_path.iterdir()] == ["raw_caption.json"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.jsonl", b'{"video_id": "a", "start": [], "end": [], "text": []}\n\xff\n', "is not UTF-8 text"),
        ("x.json", b'{"a": \xff}', "is not UTF-8 text"),
        ("x.json", b'{"a": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001, "nested too deep"),
        (
            "x.jsonl",
            b'{"video_id": [1], "start": [], "end": [], "text": []}',
            r"has the video id \[1\]; ids are text",
        ),
    ],
    ids=["lines", "object", "deep", "id"],
)
def test_a_file_that_is_no_text_or_no_caption_file_is_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"{name} .*{message}|{name} {message}"):
        list(read_captions(tmp_path / name))


def test_lists_that_do_not_match_name_the_file(tmp_path):
    (tmp_path / "x.jsonl").write_text('{"video_id": "a", "start": 3, "end": [1], "text": ["b"]}\n')
    with pytest.raises(DataError, match=r"video 'a' in .*x\.jsonl need lists 'start', 'end' and 'text'"):
        CaptionFile(tmp_path / "x.jsonl")["a"]


@pytest.mark.parametrize("time", [10**400, 1e39, float("inf")])
def test_a_time_that_no_video_has_is_dropped(time):
    assert clean_captions("a", {"start": [0, time], "end": [1, time], "text": ["b", "c"]}) == [
        Caption(0, 1, "b")
    ]


@pytest.mark.parametrize("videos", [{}, {"a": {"start": [math.nan], "end": [1], "text": ["b"]}}])
def test_a_file_without_a_usable_caption_is_refused_and_nothing_is_written(tmp_path, videos):
    (tmp_path / "raw_caption.json").write_text(json.dumps(videos))
    with pytest.raises(
        DataError, match=rf"raw_caption\.json has {len(videos)} videos and no caption with text"
    ):
        main(["--how2dir", str(tmp_path)])
    assert [path.name for path in tmp_path.iterdir()] == ["raw_caption.json"]
