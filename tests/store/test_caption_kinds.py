"""Kinds of caption files: each is cut into the same videos that reading it whole gives."""

import json
import pickle
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpt.errors import DataError
from mmpt.store import caption_json
from mmpt.store.caption_dedup import CaptionDedupProcessor
from mmpt.store.caption_files import CaptionFile, caption_digest, read_captions, scan_captions
from mmpt.store.captions import Caption

# Texts made of what could confuse a reader of braces and quotes.
TEXTS = st.text(st.sampled_from(list('ab {}[]"\\,:/é\u2028\U0001f9c5\n')), max_size=12)
VIDEOS = st.dictionaries(
    TEXTS, st.fixed_dictionaries({"start": st.lists(st.integers(0, 9), max_size=2), "text": st.lists(TEXTS)})
)
HEADER = "video_id,start,end,text\n"


@pytest.fixture(scope="module")
def shared_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("kinds")


def equals_what_stands_there(path):
    """Check that every record lies where the scan says."""
    content = path.read_bytes()
    for _, record in scan_captions(path):
        assert content[record.offset : record.offset + len(record.content)] == record.content


@given(VIDEOS, st.booleans(), st.sampled_from([None, 1]), st.integers(1, 9))
def test_an_object_is_cut_like_json_reads_it(shared_folder, videos, ascii_only, indent, chunk):
    path = shared_folder / "x.json"
    path.write_text(json.dumps(videos, ensure_ascii=ascii_only, indent=indent), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(caption_json, "CHUNK", chunk)
        assert dict(read_captions(path)) == videos
        equals_what_stands_there(path)


@given(VIDEOS, st.booleans())
def test_lines_are_cut_like_json_reads_them(shared_folder, videos, id_first):
    path = shared_folder / "x.jsonl"
    records = [
        {"video_id": name, **video} if id_first else {**video, "video_id": name}
        for name, video in videos.items()
    ]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    assert dict(read_captions(path)) == videos
    equals_what_stands_there(path)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_of_any_protocol_is_read_and_from_protocol_2_on_in_pieces(tmp_path, protocol):
    videos = {f"v{i}": {"start": [i], "end": [i + 1], "text": [f"é {i}" * (i % 20)]} for i in range(1200)}
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps({name: json.dumps(video) for name, video in videos.items()}, protocol))
    assert dict(read_captions(path)) == videos
    assert CaptionFile(path).columns("v7") == videos["v7"]
    if protocol > 1:
        equals_what_stands_there(path)


def test_a_pickle_whose_videos_share_a_text_is_read_too(tmp_path):
    text = json.dumps({"start": [0], "end": [1], "text": ["a"]})
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"v": text, "w": text, "x": text + " "}))
    captions = CaptionFile(tmp_path / "x.pkl")
    assert dict(captions) == {name: [Caption(0, 1, "a")] for name in "vwx"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pickle.dumps("v"), "holds a str; {video_id: JSON} is expected"),
        (pickle.dumps({1: "{}"}), "has the video id 1; ids are text"),
        (pickle.dumps({"v": {}}), "captions of 'v' in .* are not JSON, but a dict"),
        (pickle.dumps({"v": "{}"})[:-3], r"not a readable pickle .* may be truncated"),
        (b"cos\nsystem\n(S'touch marker'\ntR.", "asks for 'os.system'"),
    ],
)
def test_another_or_damaged_pickle_is_refused(tmp_path, monkeypatch, content, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.pkl").write_bytes(content)
    with pytest.raises(DataError, match=message):
        list(read_captions("x.pkl"))
    assert not (tmp_path / "marker").exists()


def test_a_brace_that_is_missing_is_noticed_before_memory_is_full(tmp_path, monkeypatch):
    monkeypatch.setattr(caption_json, "CHUNK", 100)
    monkeypatch.setattr(caption_json, "MAX_RECORD", 1000)
    path = tmp_path / "x.json"
    path.write_text('{"a": {"start": [], ' + " " * 5000 + "}}")
    with pytest.raises(DataError, match=r"x\.json is damaged or truncated near '{.start"):
        list(scan_captions(path))


def test_what_follows_the_object_is_refused_because_its_videos_would_be_lost(tmp_path):
    path = tmp_path / "x.json"
    path.write_text('{"a": {}} {"b": {}}')
    with pytest.raises(DataError, match=r"x\.json goes on after the JSON object"):
        list(scan_captions(path))


def test_half_a_character_becomes_a_question_mark_and_whole_ones_stay(tmp_path):
    captions = {"start": [0, 1], "end": [1, 2], "text": ["cut \ud83c", "onion \U0001f9c5"]}
    kept = {"v": [Caption(0, 1, "cut ?"), Caption(1, 2, "onion \U0001f9c5")]}
    (tmp_path / "x.json").write_text("\ufeff" + json.dumps({"v": captions}))
    (tmp_path / "x.jsonl").write_text("\n" + json.dumps({"video_id": "v", **captions}) + "\n\n")
    for name in ("x.json", "x.jsonl"):
        assert dict(CaptionFile(tmp_path / name)) == kept
    CaptionDedupProcessor().process_file(tmp_path / "x.json", tmp_path / "x.pkl")
    assert dict(CaptionFile(tmp_path / "x.pkl")) == kept


@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_table_gives_the_captions_of_its_videos(tmp_path, end, bom):
    rows = [
        "note,Start,end,text,video_id",
        "x,0,1.5,stir,a",
        '"1,2",2,3,"the ""pot"", now",a',
        "",
        ',4,,"two',
        'lines",b',
        ",5,6,é,a c",
    ]
    path = tmp_path / "x.csv"
    path.write_bytes((bom + end.join(rows) + end).encode())
    assert dict(read_captions(path)) == {
        "a": {"start": [0, 2], "end": [1.5, 3], "text": ["stir", 'the "pot", now']},
        "b": {"start": [4], "end": [None], "text": [f"two{end}lines"]},
        "a c": {"start": [5], "end": [6], "text": ["é"]},
    }
    equals_what_stands_there(path)
    assert CaptionFile(path)["a"][1] == Caption(2, 3, 'the "pot", now')


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "names the columns nothing; start, end, text is missing"),
        ("video_id,start,end\na,1,2\n", r"names the columns video_id, start, end; text is missing"),
        (f"{HEADER},0,1,stir\n", "has no video_id"),
        (f"{HEADER}a,0\n", "row of the video 'a' in .* lacks columns"),
        (f'{HEADER}a,0,1,"stir\n', r"no sound CSV file \(unexpected end of data\)"),
        (f"{HEADER}a,0,1,stir\nb,0,1,mix\na,1,2,pot\n", "video 'a' comes twice"),
        (HEADER.encode() + b"a,0,1,\xff\n", "is not UTF-8 text"),
    ],
)
def test_a_damaged_table_is_named(tmp_path, content, message):
    path = tmp_path / "x.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=message):
        list(read_captions(path))


@pytest.fixture
def folder(tmp_path):
    """Subtitles of a and b, and a table of c one level below."""
    (tmp_path / "in" / "more").mkdir(parents=True)
    (tmp_path / "in/b.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nmix\n")
    (tmp_path / "in/a.en-US.vtt").write_text("WEBVTT\n\n00:01.000 --> 00:02.000\nstir\n")
    (tmp_path / "in/more/c.csv").write_text("start,end,text\n1,2,boil\n")
    (tmp_path / "in/readme.txt").touch()
    (tmp_path / "in/.d.vtt").touch()
    return tmp_path / "in"


def test_a_folder_is_read_file_by_file(folder):
    captions = CaptionFile(folder)
    assert list(captions) == ["a", "b", "c"]
    assert [captions[name][0].text for name in "abc"] == ["stir", "mix", "boil"]
    again = pickle.loads(pickle.dumps(captions))
    assert dict(again) == dict(captions)
    before = caption_digest(folder)
    (folder / "b.srt").rename(folder / "d.srt")
    assert caption_digest(folder) != before


def test_two_languages_of_a_video_are_refused(folder):
    (folder / "a.de.vtt").write_text("WEBVTT\n")
    with pytest.raises(DataError, match=rf"The video 'a' comes twice in {re.escape(str(folder))}"):
        CaptionFile(folder)


def test_a_folder_without_captions_and_files_that_vanish_or_shrink_are_named(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"folder .*empty has no captions.*\.vtt"):
        CaptionFile(tmp_path / "empty")
    captions = CaptionFile(folder)
    (folder / "b.srt").write_text("")
    with pytest.raises(DataError, match=r"b\.srt has become shorter"):
        captions.columns("b")
    (folder / "b.srt").unlink()
    with pytest.raises(DataError, match=r"b\.srt does not exist"):
        captions.columns("b")
