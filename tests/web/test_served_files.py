"""Files that are sent: byte ranges as in RFC 9110, nothing but videos of the index, thumbnails."""

import io
import re

import av
import pytest
from running_site import write_avi

from mmpt.web.media import media_type
from mmpt.web.thumbnails import Thumbnails


@pytest.fixture(scope="module")
def content(videos):
    return (videos / "kitchen.mp4").read_bytes()


def test_without_a_range_the_whole_file_is_sent(site, content):
    answer = site.get("/video/kitchen")
    assert (answer.status, answer.body) == (200, content)
    assert answer.head["accept-ranges"] == "bytes"
    assert answer.head["content-type"] == "video/mp4"
    assert int(answer.head["content-length"]) == len(content)


def test_head_tells_the_size_and_sends_nothing(site, content):
    answer = site.get("/video/kitchen", "HEAD")
    assert (answer.status, answer.body, int(answer.head["content-length"])) == (200, b"", len(content))


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=0-", slice(None)),
        ("bytes=100-199", slice(100, 200)),
        ("bytes=1000-", slice(1000, None)),
        ("bytes=-500", slice(-500, None)),
        ("bytes=-99999999999", slice(None)),
        ("bytes=100-99999999999", slice(100, None)),
        ("Bytes = 5-9 ", slice(5, 10)),
    ],
)
def test_a_range_is_answered_with_that_part(site, content, asked, part):
    answer = site.get("/video/kitchen", Range=asked)
    start, stop, _ = part.indices(len(content))
    assert (answer.status, answer.body) == (206, content[part])
    assert answer.head["content-range"] == f"bytes {start}-{stop - 1}/{len(content)}"
    assert int(answer.head["content-length"]) == stop - start


def test_several_ranges_come_as_parts(site, content):
    answer = site.get("/video/kitchen", Range="bytes=0-9,100-109,-5")
    boundary = re.fullmatch("multipart/byteranges; boundary=(.+)", answer.head["content-type"])[1]
    parts = answer.body.split(f"--{boundary}".encode())[1:-1]
    bodies = [part.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n") for part in parts]
    assert (answer.status, bodies) == (206, [content[:10], content[100:110], content[-5:]])


@pytest.mark.parametrize("asked", ["bytes=99999999999-", "bytes=99999999999-999999999999", "bytes=-0"])
def test_a_range_beyond_the_file_cannot_be_satisfied(site, content, asked):
    answer = site.get("/video/kitchen", Range=asked)
    assert (answer.status, answer.head["content-range"]) == (416, f"bytes */{len(content)}")


@pytest.mark.parametrize(
    "asked", ["bytes=9-5", "bytes=", "bytes=x-y", "bytes=1--5", "lines=1-2", "5-9", "bytes=-"]
)
def test_a_range_that_is_none_is_refused(site, asked):
    assert site.get("/video/kitchen", Range=asked).status == 400


def test_a_thousand_ranges_are_not_looked_at_one_by_one(site, content):
    answer = site.get("/video/kitchen", Range="bytes=" + ",".join(f"{n}-{n}" for n in range(1000)))
    assert (answer.status, len(answer.body)) == (200, len(content))


def test_a_range_of_a_file_that_was_another_is_not_sent(site, content):
    tag = site.get("/video/kitchen", "HEAD").head["etag"]
    assert site.get("/video/kitchen", Range="bytes=0-9", If_Range=tag).status == 206
    assert site.get("/video/kitchen", Range="bytes=0-9", If_Range='"other"').body == content


@pytest.mark.parametrize(
    "path",
    [
        "/video/../../../../etc/passwd",
        "/video/..%2f..%2f..%2fetc%2fpasswd",
        "/video/%2e%2e/%2e%2e/etc/passwd",
        "/video//etc/passwd",
        "/video/%2fetc%2fpasswd",
        "/video/..%5c..%5cetc",
        "/video/kitchen%00.mp4",
        "/video/kitchen.mp4",
        "/video/kitchen/",
        "/video/KITCHEN",
        "/video/",
        "/video/%F0%9F%A7%85",
        "/video/%ff%fe",
        "/thumbnail/..%2f..%2fetc%2fpasswd/0",
        "/../../../etc/passwd",
        "/..%2f..%2fapp.py",
        "/%2e%2e/app.py",
        "/static/../app.py",
        "//etc/passwd",
        "/.%00/etc/passwd",
        "/" + "a" * 5000,
        "/video/" + "a" * 5000,
    ],
)
def test_nothing_but_videos_of_the_index_is_sent(site, path):
    answer = site.get(path)
    assert answer.status in (400, 404)
    assert b"root:" not in answer.body
    assert b"import" not in answer.body


def test_every_method_but_get_and_head_is_refused(site):
    for path in ("/video/kitchen", "/api/search?q=a", "/"):
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            assert site.get(path, method).status == 405


def test_a_thumbnail_is_the_frame_at_its_second(site):
    # The grey level of the video is 5 per frame, 10 frames a second.
    for second in (0, 2):
        answer = site.get(f"/thumbnail/old/{second}")
        assert (answer.status, answer.head["content-type"]) == (200, "image/jpeg")
        with av.open(io.BytesIO(answer.body), format="mjpeg") as stream:
            picture = next(stream.decode(video=0)).to_ndarray(format="rgb24")
        assert picture.shape == (48, 64, 3)
        assert picture.mean() == pytest.approx(50 * second, abs=5)


@pytest.mark.parametrize("second", ["-1", "1.5", "x", "1000000", "%C2%B2"])
def test_a_second_that_is_none_is_refused(site, second):
    status, answer = site.ask(f"/thumbnail/old/{second}")
    assert status == 400
    assert answer["error"].startswith("A second is a whole number")


def test_thumbnails_are_kept_up_to_a_number_of_bytes(videos, monkeypatch):
    path = str(videos / "kitchen.mp4")
    one = len(Thumbnails().get(path, 0, 0))
    kept = Thumbnails(limit=int(3.5 * one))
    for second in (0, 1, 2, 0, 3):
        kept.get(path, 0, second)
        assert 0 < kept.held <= kept.limit
    made = []
    monkeypatch.setattr("mmpt.web.thumbnails.frame_at", lambda path, second: made.append(second) or _grey())
    for second in (0, 3, 2, 1):
        kept.get(path, 0, second)
    assert made == [1]  # the one that was used least recently was forgotten
    kept.get(path, 1, 0)
    assert made == [1, 0]  # a file that has changed


def _grey():
    import numpy as np

    return np.zeros((8, 8, 3), np.uint8)


def test_the_kind_of_a_video_is_said_as_browsers_ask_for_it(videos, tmp_path):
    assert media_type(str(videos / "kitchen.mp4"), 0) == 'video/mp4; codecs="avc1.640028"'
    assert media_type(str(write_avi(tmp_path / "a.avi")), 0) == 'video/x-msvideo; codecs="mp4v.20.9"'
    # What is inside counts, not what the file is called.
    assert media_type(str((tmp_path / "a.avi").rename(tmp_path / "a.mp4")), 1).startswith("video/x-msvideo")
