"""WebVTT and SRT."""

import pytest

from mmpt.errors import DataError
from mmpt.store.caption_files import read_captions
from mmpt.store.captions import clean_captions, dedup_captions, video_generator
from mmpt.store.subtitles import parse_subtitles

# As YouTube writes automatic subtitles: every line is shown twice, words carry their times.
ROLLING = """WEBVTT
Kind: captions
Language: en

00:00:00.160 --> 00:00:02.550 align:start position:0%
~
chop<00:00:00.480><c> the</c><00:00:01.001><c> onion</c>

00:00:02.550 --> 00:00:02.560 align:start position:0%
chop the onion
~

00:00:02.560 --> 00:00:05.000 align:start position:0%
chop the onion
then<00:00:03.000><c> fry</c><00:00:04.000><c> it</c>

00:00:05.000 --> 00:00:05.010 align:start position:0%
then fry it
~
""".replace("~", " ")


def cues(text):
    columns = parse_subtitles(text)
    return list(zip(columns["start"], columns["end"], columns["text"], strict=True))


def test_webvtt_with_everything_that_it_may_hold():
    text = """WEBVTT - title

NOTE a remark
over two lines

STYLE
::cue { color: lime }

intro
01:00.000 --> 01:01.500 line:0 position:20%
<v Anna Smith>Hello &amp; <i>welcome</i></v>
to <c.yellow>my</c> kitchen

2
100:00:00.001 --> 100:00:02.000
fry <3 & stir
"""
    assert cues(text) == [
        (60.0, 61.5, "Hello & welcome to my kitchen"),
        (360000.001, 360002.0, "fry <3 & stir"),
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_srt_with_the_faults_that_are_common(end):
    lines = [
        "1",
        "00:00:01,000 --> 00:00:02,25 X1:40 X2:600",
        "{\\an8}<b>cut</b> 2",
        "",
        "2",
        "00:00:03.5 --> 00:00:04",
        "stir",
        "3",  # no empty line above
        "0:00:05,000 -->  0:00:06,000",
        "7",
        "",
        "4",
        "00:00:07,000 --> 00:00:08,000",
    ]
    assert cues(end.join(lines)) == [
        (1.0, 2.25, "cut 2"),
        (3.5, 4.0, "stir"),
        (5.0, 6.0, "7"),
        (7.0, 8.0, ""),
    ]


def test_rolling_subtitles_say_everything_once_after_cleaning():
    captions = clean_captions("v", parse_subtitles(ROLLING))
    kept, _ = dedup_captions(captions, video_generator(0, "v"))
    assert " ".join(caption.text for caption in kept) == "chop the onion then fry it"
    assert (kept[0].start, kept[-1].end) == (0.16, 5.01)


@pytest.mark.parametrize(
    ("name", "video_id"),
    [
        ("a.vtt", "a"),
        ("a.en.vtt", "a"),
        ("a.b.zh-Hans.srt", "a.b"),
        ("my.cat.SRT", "my.cat"),
        ("x.en-orig.vtt", "x"),
        ("-en.vtt", "-en"),
    ],
)
def test_the_language_is_no_part_of_the_id(tmp_path, name, video_id):
    (tmp_path / name).write_text("\ufeff1\n00:01.000 --> 00:02.000\nhello\n", encoding="utf-8")
    assert dict(read_captions(tmp_path / name)) == {video_id: {"start": [1], "end": [2], "text": ["hello"]}}


def test_a_file_without_cues_is_sound_if_it_says_webvtt_and_damaged_otherwise(tmp_path):
    path = tmp_path / "a.vtt"
    path.write_text("WEBVTT\n\n")
    assert dict(read_captions(path)) == {"a": {"start": [], "end": [], "text": []}}
    path.write_text("<html>not found</html>")
    with pytest.raises(DataError, match=r"a\.vtt has no line '00:01:02\.500 --> .*neither WebVTT nor SRT"):
        list(read_captions(path))
    path.write_bytes(b"\xff\xfeh\0")
    with pytest.raises(DataError, match=r"a\.vtt is not UTF-8 text"):
        list(read_captions(path))
