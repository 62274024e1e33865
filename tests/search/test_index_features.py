"""The features in an index: they are checked like all its files, and may be made again."""

import pytest
from small_index import assert_same, contents

from mmpt.errors import DataError
from mmpt.search import Index, build_index
from mmpt_cli.index import main as command


@pytest.fixture
def feature(own):
    """The file with the features of a video; see :func:`flip`."""
    return own / "index" / Index.open(own / "index").video("a").feature_file


def flip(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 64
    path.write_bytes(content)


def test_features_have_checksums_as_segments_have(own):
    files = [*(own / "index/features").glob("*.npy"), *(own / "index/segments").iterdir()]
    assert {own / "index" / name for name in Index.open(own / "index").checksums()} == set(files)


def test_damaged_features_are_named_and_searches_do_without(own, feature, model):
    flip(feature)
    with pytest.raises(DataError, match=f"{feature} has changed since .*remove it: searches do without"):
        command(["--out", str(own / "index"), "--verify"])
    feature.unlink()
    assert command(["--out", str(own / "index"), "--verify"]) == 0


def test_damaged_features_are_made_again_and_not_encoded(own, feature, model):
    before = contents(own / "index")
    flip(feature)
    (own / "videos/a.mp4").touch()  # the same content, which is looked at again
    assert build_index([own / "videos"], own / "index", model).updated == 1
    assert Index.open(own / "index").verify() == []
    assert_same((before[0], before[1]), (before[0], contents(own / "index")[1]))
