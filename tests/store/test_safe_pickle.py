"""Reading pickles without running them."""

import os
import pickle
from collections import OrderedDict, defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpt.errors import DataError
from mmpt.store.meta import read_meta
from mmpt.store.safe_pickle import read_pickle

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner) | st.sets(st.integers())
    ),
)


class Payload:
    """A pickle of this runs a shell command when read carelessly."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


@given(PLAIN, st.integers(3, 5))
def test_plain_containers_come_back_equal(tmp_path_factory, value, protocol):
    path = tmp_path_factory.mktemp("pickles") / "x.pkl"
    path.write_bytes(pickle.dumps(value, protocol))
    assert read_pickle(path) == value


def test_ordered_and_default_dictionaries_are_plain(tmp_path):
    path = tmp_path / "x.pkl"
    value = {"a": OrderedDict(b=1), "c": defaultdict(list, d=[2])}
    path.write_bytes(pickle.dumps(value))
    assert read_pickle(path) == value


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_hostile_pickle_is_refused_by_name_and_runs_nothing(tmp_path, protocol):
    path, marker = tmp_path / "train_meta.pkl", tmp_path / "marker"
    path.write_bytes(pickle.dumps({0: [Payload(marker)]}, protocol))
    with pytest.raises(DataError, match=r"train_meta\.pkl asks for '(posix|nt|os)\.system'"):
        read_meta(tmp_path, "train")
    assert not marker.exists()


@pytest.mark.parametrize(
    "code",
    [
        b"cbuiltins\neval\n(S'1/0'\ntR.",
        b"cbuiltins\ngetattr\n.",
        b"\x8c\x08builtins\x8c\x0cset.__init__\x93.",
        b"Pid\n.",
    ],
)
def test_builtins_dotted_names_and_persistent_ids_are_refused(tmp_path, code):
    path = tmp_path / "x.pkl"
    path.write_bytes(code)
    with pytest.raises(DataError, match="Nothing was run"):
        read_pickle(path)


@pytest.mark.parametrize("content", [b"", b"\x80", pickle.dumps(["abc"] * 9)[:-4], b"hello world", b"(."])
def test_a_damaged_pickle_is_named(tmp_path, content):
    path = tmp_path / "x.pkl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"x\.pkl is not a (readable|sane) pickle"):
        read_pickle(path)


def test_a_missing_pickle_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.pkl does not exist"):
        read_pickle(tmp_path / "none.pkl")


@pytest.mark.parametrize("value", [["a"], {"0": ["a"]}, {0: "abc"}, {0: [1]}])
def test_a_pickle_that_is_no_meta_is_refused(tmp_path, value):
    (tmp_path / "val_meta.pkl").write_bytes(pickle.dumps(value))
    with pytest.raises(DataError, match="no shard meta"):
        read_meta(tmp_path, "val")


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_arrays_of_numpy_are_read_over(tmp_path, protocol):
    # The form of the youcook_train.pkl of HowTo100M's evaluation code.
    clip = {"2d": np.ones(4, np.float32), "3d": np.ones(4), "n": np.int64(3), "id": "abc_0", "caption": "cut"}
    path = tmp_path / "x.pkl"
    path.write_bytes(pickle.dumps([clip], protocol))
    [read] = read_pickle(path)
    assert (read["id"], read["caption"]) == ("abc_0", "cut")
    assert {type(read[key]).__name__ for key in ("2d", "3d", "n")} == {"UnreadArray"}


@pytest.mark.parametrize("protocol", [2, 3])
def test_arrays_under_the_names_of_numpy_1_are_read_over(tmp_path, protocol):
    content = pickle.dumps({"2d": np.ones(4), "id": "abc_0"}, protocol)
    path = tmp_path / "x.pkl"
    path.write_bytes(content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    assert read_pickle(path)["id"] == "abc_0"
