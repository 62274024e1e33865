"""Features of other projects: every format gives the same rows, and nothing in them is run."""

import io
import pickle

import h5py
import lmdb
import lz4.frame
import msgpack
import numpy as np
import pytest
import torch

from mmpt.errors import DataError, MissingDependencyError
from mmpt.store.pack import pack_features
from mmpt.store.shards import ShardReader
from mmpt.store.sources import as_rows, open_features
from mmpt.utils import optional

ROWS = {f"v{i}": np.random.default_rng(i).normal(size=(i + 2, 6)).astype(np.float32) for i in range(4)}


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def npz(**arrays):
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def packed(array, as_bytes):
    """What msgpack-numpy writes, with keys as bytes or as text."""
    fields = {
        "nd": True,
        "type": array.dtype.str,
        "kind": b"",
        "shape": array.shape,
        "data": array.tobytes(),
    }
    return {name.encode() if as_bytes else name: value for name, value in fields.items()}


def write_lmdb(path, records):
    with lmdb.open(str(path), map_size=2**24) as environment, environment.begin(write=True) as transaction:
        for name, record in records.items():
            transaction.put(name.encode(), record)
    return path


def write_h5(path, grouped):
    with h5py.File(path, "w") as file:
        for name, rows in ROWS.items():
            file[f"{name}/features" if grouped else name] = rows
            if grouped:
                file[f"{name}/times"] = np.arange(len(rows))
    return path


def folder_of(path, suffix, write):
    path.mkdir()
    for name, rows in ROWS.items():
        write(path / f"{name}{suffix}", rows)
    return path


def records(make):
    return {name: make(rows) for name, rows in ROWS.items()}


SOURCES = {
    "npy": (None, lambda p: folder_of(p / "f", ".npy", np.save)),
    "npz": (None, lambda p: folder_of(p / "f", ".npz", lambda path, rows: np.savez(path, features=rows))),
    "npz of several": (
        "b",
        lambda p: folder_of(p / "f", ".npz", lambda path, rows: np.savez(path, a=rows[:1], b=rows)),
    ),
    "pt": (
        None,
        lambda p: folder_of(p / "f", ".pt", lambda path, rows: torch.save(torch.from_numpy(rows), path)),
    ),
    "pth of several": (
        "x",
        lambda p: folder_of(
            p / "f",
            ".pth",
            lambda path, rows: torch.save({"x": torch.from_numpy(rows), "y": torch.zeros(2)}, path),
        ),
    ),
    "h5": (None, lambda p: write_h5(p / "f.h5", False)),
    "h5 of groups": ("features", lambda p: write_h5(p / "f.hdf5", True)),
    "lmdb of npy": (None, lambda p: write_lmdb(p / "f", records(npy))),
    "lmdb of npz": (None, lambda p: write_lmdb(p / "f", records(lambda rows: npz(features=rows)))),
    "lmdb of msgpack": (
        "features",
        lambda p: write_lmdb(
            p / "f",
            records(lambda rows: msgpack.packb({"features": packed(rows, True), "t": packed(rows[0], True)})),
        ),
    ),
    "lmdb of lz4": (
        None,
        lambda p: write_lmdb(
            p / "f",
            records(lambda rows: lz4.frame.compress(msgpack.packb({"features": packed(rows, False)})))
            | {"__keys__": b"[]"},
        ),
    ),
}


@pytest.mark.parametrize("name", SOURCES)
def test_every_format_gives_the_ids_shapes_and_rows(tmp_path, name):
    key, make = SOURCES[name]
    source = open_features(make(tmp_path), key)
    assert list(source) == list(ROWS)
    assert "v0" in source
    assert "none" not in source
    for video_id, rows in ROWS.items():
        assert source.shape(video_id) == rows.shape
        np.testing.assert_array_equal(source.read(video_id), rows)


@pytest.mark.parametrize("name", ["npz", "h5 of groups", "lmdb of lz4"])
def test_every_source_can_be_packed(tmp_path, name):
    key, make = SOURCES[name]
    (tmp_path / "ids").write_text(f"v3\nv0\nnone\n{'x' * 300}")
    report = pack_features(
        tmp_path / "ids", open_features(make(tmp_path), key), tmp_path / "shards", "train", dtype="float32"
    )
    assert (report.packed, report.missing) == (2, ["none", "x" * 300])
    np.testing.assert_array_equal(ShardReader.videos(tmp_path / "shards", "train")[0, 0], ROWS["v3"])


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((5, 3), (5, 3)),
        ((3,), (1, 3)),
        ((5, 1, 3), (5, 3)),
        ((1, 5, 3), (5, 3)),
        ((5, 3, 1, 1), (5, 3)),
        ((1, 3), (1, 3)),
        ((1, 1, 3), (1, 3)),
        ((0, 3), (0, 3)),
        ((5, 1), (5, 1)),
        ((3, 1, 1), (1, 3)),
    ],
)
def test_axes_of_length_one_are_left_out(shape, expected):
    assert as_rows(np.zeros(shape), "it").shape == expected


@pytest.mark.parametrize(
    "array", [np.zeros((2, 3, 4)), np.array("text"), np.zeros((2, 2), "U3"), np.array(3)]
)
def test_what_is_no_list_of_vectors_is_refused(array):
    with pytest.raises(DataError, match=r"it is a .* array of shape .*\(rows, D\) are expected"):
        as_rows(array, "it")


class Trap:
    """A pickle that would make a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_nothing_in_a_file_is_run(tmp_path):
    trap = tmp_path / "trap"
    folder = tmp_path / "feat"
    folder.mkdir()
    np.savez(folder / "a.npz", np.array([Trap(trap)], dtype=object))
    torch.save(Trap(trap), folder / "b.pt")
    records = {"c": pickle.dumps(Trap(trap)), "d": npy(np.ones(9))[:-3]}
    base = open_features(write_lmdb(tmp_path / "base", records))
    for source, name, message in [
        (open_features(folder), "a", "not a readable .npz"),
        (open_features(folder), "b", "can run code"),
        (base, "c", "is a pickle, which can run code and is not read"),
        (base, "d", "is not a readable array"),
    ]:
        with pytest.raises(DataError, match=message):
            source.read(name)
    assert not trap.exists()


DAMAGED = {
    "cut.npz": npz(features=ROWS["v0"])[:-30],
    "text.npz": b"hello",
    "empty.npz": b"",
    "text.pt": b"hello",
    "empty.pt": b"",
    "cut.npy": npy(ROWS["v0"])[:-1],
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_named(tmp_path, name):
    (tmp_path / name).write_bytes(DAMAGED[name])
    with pytest.raises(DataError, match=name.replace(".", r"\.")):
        open_features(tmp_path).read(name.split(".")[0])


@pytest.mark.parametrize(
    "record",
    [
        b"hello",
        b"",
        lz4.frame.compress(b"x" * 100)[:-20],
        msgpack.packb({"a": 1}),
        msgpack.packb([1]),
        msgpack.packb({"nd": True}),
        msgpack.packb(packed(ROWS["v0"], True) | {b"shape": (9, 9)}),
    ],
)
def test_a_damaged_record_is_named(tmp_path, record):
    source = open_features(write_lmdb(tmp_path / "base", {"bad": record, "good": npy(ROWS["v0"])}))
    with pytest.raises(DataError, match=r"The record 'bad' of .*base"):
        source.read("bad")
    assert source.shape("good") == (2, 6)
    with pytest.raises(DataError, match=r"The record 'none' .* does not exist"):
        source.read("none")


def test_a_base_whose_keys_are_no_names_is_refused(tmp_path):
    with lmdb.open(str(tmp_path / "base")) as environment, environment.begin(write=True) as transaction:
        transaction.put(b"\xff\x00", npy(ROWS["v0"]))
    with pytest.raises(DataError, match=r"base has a key that is no text \(b'\\xff\\x00'\)"):
        list(open_features(tmp_path / "base"))


def test_several_arrays_need_a_name(tmp_path):
    source = open_features(write_h5(tmp_path / "f.h5", grouped=True))
    with pytest.raises(DataError, match=r"'v0' of .* holds the arrays features, times; say which with --key"):
        source.shape("v0")
    with pytest.raises(DataError, match="none is named 'feats'"):
        open_features(tmp_path / "f.h5", "feats").shape("v0")


def test_a_path_of_no_known_kind_is_refused(tmp_path):
    (tmp_path / "f.h5").write_bytes(b"hello")
    (tmp_path / "data.mdb").write_bytes(b"hello")
    for path, message in [
        (tmp_path / "none", "holds no features that mmpt reads"),
        (tmp_path / "none.h5", "does not exist"),
        (tmp_path / "f.h5", "not a readable HDF5 file"),
        (tmp_path, "not a readable LMDB"),
    ]:
        with pytest.raises(DataError, match=message):
            open_features(path)


def test_without_the_package_the_extra_is_named(tmp_path, monkeypatch):
    def absent(name):
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(optional.importlib, "import_module", absent)
    with pytest.raises(MissingDependencyError, match=r"'h5py' is needed to read HDF5 .*mmpt\[convert\]"):
        open_features(tmp_path / "f.h5")
