"""ShardReader: items of numbered shards, opened once per process."""

import json
import os
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpt.errors import DataError
from mmpt.store.meta import ArraySpec, ShardMeta, read_meta
from mmpt.store.shards import ShardReader, choose_mode
from mmpt.utils import ShardedTensor

MODES = ["mmap", "pread"]


@pytest.fixture
def folder(tmp_path):
    """Two shards: shard s, item i has 3 + i rows that say 10 s + i."""
    for shard in range(2):
        items = [np.full((3 + i, 4), 10 * shard + i, dtype=np.float16) for i in range(3)]
        ShardedTensor.from_list(items).save(tmp_path / f"train_{shard}")
    return tmp_path


@pytest.mark.parametrize("mode", MODES)
def test_shards_and_meta_of_the_original_read_in_both_modes(golden, mode):
    folder = golden / "legacy/data"
    meta = read_meta(folder, "train")
    assert {shard: len(ids) for shard, ids in meta.items()} == {0: 4, 1: 4, 2: 4}
    videos = ShardReader.videos(folder, "train", mode, dim=512)
    times = ShardReader(f"{folder}/cap.", "train", ".startends", mode, dim=2)
    expected = ShardedTensor.load(folder / "train_2")[3]
    np.testing.assert_array_equal(videos[2, 3], expected)
    assert videos.length(2, 3) == len(expected)
    assert times[0, 1].shape == (16 - 9, 2)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("start", "stop"), [(0, None), (1, 3), (2, 99), (4, 9), (3, 3)])
def test_a_window_equals_a_slice_of_the_item(folder, mode, start, stop):
    reader = ShardReader(f"{folder}/", "train", mode=mode)
    window = reader.read(1, 0, start, stop)
    np.testing.assert_array_equal(window, np.full((3, 4), 10, np.float16)[start:stop])


@pytest.mark.parametrize("mode", MODES)
def test_a_reader_pickles_without_its_open_files(folder, mode):
    reader = ShardReader(f"{folder}/", "train", mode=mode)
    before = reader[0, 2]
    copy = pickle.loads(pickle.dumps(reader))
    assert len(pickle.dumps(reader)) < 2000
    np.testing.assert_array_equal(copy[0, 2], before)


@pytest.mark.parametrize("mode", MODES)
def test_a_reader_works_in_a_forked_process(folder, mode):
    reader = ShardReader(f"{folder}/", "train", mode=mode)
    assert reader[0, 0][0, 0] == 0
    child = os.fork()
    if child == 0:
        os._exit(0 if reader[0, 1][0, 0] == 1 and reader[1, 1][0, 0] == 11 else 1)
    assert reader[1, 2][0, 0] == 12
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_shard_is_opened_once(folder, monkeypatch):
    from mmpt.store import shards

    opened = []
    original = shards.OpenShard
    monkeypatch.setattr(
        shards, "OpenShard", lambda path, mapped: opened.append(path) or original(path, mapped)
    )
    reader = ShardReader(f"{folder}/", "train")
    for _ in range(5):
        assert reader[0, 1][0, 0] == 1
        assert reader[1, 1][0, 0] == 11
    assert len(opened) == 2


def test_no_more_shards_stay_open_than_asked(folder):
    reader = ShardReader(f"{folder}/", "train", mode="pread", max_open=1)
    first = reader[0, 0]
    assert reader[1, 0][0, 0] == 10
    assert reader[0, 0][0, 0] == 0
    assert first.shape == (3, 4)


def test_a_shard_that_disagrees_with_the_meta_is_named(folder):
    reader = ShardReader(f"{folder}/", "train", items={0: 2})
    with pytest.raises(DataError, match=r"train_0 has 3 items and the meta file lists 2"):
        reader[0, 0]
    with pytest.raises(DataError, match=r"train_1 has 3 items and the meta file lists no such shard"):
        reader[1, 0]


def test_a_shard_of_another_width_is_named(folder):
    with pytest.raises(DataError, match=r"train_0 has rows of shape \(4,\); \(512,\) is expected"):
        ShardReader(f"{folder}/", "train", dim=512)[0, 0]


def test_starts_of_another_shard_are_refused(folder):
    ShardedTensor.from_list([np.zeros((2, 4), np.float16)]).save(folder / "other")
    os.replace(folder / "other_starts.npy", folder / "train_0_starts.npy")
    with pytest.raises(DataError, match=r"train_0 run from 0 to 2 over 12 rows"):
        ShardReader(f"{folder}/", "train")[0, 0]


def test_a_missing_shard_and_a_missing_item_are_named(folder):
    reader = ShardReader(f"{folder}/", "train")
    with pytest.raises(DataError, match=r"train_7_starts\.npy does not exist"):
        reader[7, 0]
    with pytest.raises(DataError, match=r"train_0 has 3 items; item 3 was asked for"):
        reader[0, 3]


def test_a_file_that_shrinks_while_open_is_noticed_by_positional_reads(folder):
    reader = ShardReader(f"{folder}/", "train", mode="pread")
    assert reader[0, 0][0, 0] == 0
    os.truncate(folder / "train_0_data.npy", 150)
    with pytest.raises(DataError, match="ended while being read"):
        reader[0, 2]


def test_an_unknown_mode_names_the_allowed_ones(folder):
    with pytest.raises(DataError, match="allowed are 'auto', 'mmap' and 'pread'"):
        ShardReader(f"{folder}/", "train", mode="direct")


def test_without_meta_the_message_says_how_to_make_the_shards(tmp_path):
    with pytest.raises(DataError, match=r"no shards of the split 'val'\. Make them with mmpt shards pack"):
        read_meta(tmp_path, "val")
    (tmp_path / ".val_meta.json.partial").write_text("{}")
    with pytest.raises(DataError, match="not complete: writing them was interrupted"):
        read_meta(tmp_path, "val")


@pytest.mark.parametrize(
    "changes",
    [
        {"shards": {"0": [1]}},
        {"shards": {"0": [["a"]]}},
        {"shards": {"0": "ab"}},
        {"arrays": [{"kind": "", "dtype": "object", "dim": 4}]},
        {"arrays": [{"kind": "", "dtype": "float16", "dim": "x"}]},
    ],
)
def test_a_meta_file_with_foreign_values_is_refused(tmp_path, changes):
    meta = ShardMeta({0: ["a"]}, (ArraySpec("", "float16", 4),), {0: 1}).to_json("val")
    (tmp_path / "val_meta.json").write_text(json.dumps(meta))
    assert read_meta(tmp_path, "val") == {0: ["a"]}
    (tmp_path / "val_meta.json").write_text(json.dumps({**meta, **changes}))
    with pytest.raises(DataError, match=r"_meta\.json is damaged .*ids must be text, and arrays of float16"):
        read_meta(tmp_path, "val")


def test_any_flipped_bit_of_a_meta_file_is_found(tmp_path):
    path = tmp_path / "val_meta.json"
    arrays, source = (ArraySpec("", "float16", 4),), {"extractor": "s3d", "fps": 30}
    ShardMeta({0: ["a", "b"]}, arrays, {0: 1}, {"val_0_data.npy": "00"}, source).save(path, "val")
    whole = path.read_bytes()
    assert read_meta(tmp_path, "val") == {0: ["a", "b"]}
    for bit in range(8 * len(whole)):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        with pytest.raises(DataError, match=r"val_meta\.json"):
            read_meta(tmp_path, "val")
    # Files without a checksum are those of the first versions.
    content = json.loads(whole)
    del content["checksum"]
    path.write_text(json.dumps(content))
    assert read_meta(tmp_path, "val") == {0: ["a", "b"]}


@pytest.mark.parametrize(("available", "expected"), [(10**9, "mmap"), (None, "mmap"), (143, "pread")])
def test_shards_larger_than_half_of_the_memory_are_read_at_their_place(
    folder, monkeypatch, available, expected
):
    # 2 shards of 3 + 4 + 5 rows of 4 numbers of 2 bytes, and a header of 128: 2 * (96 + 128) = 448 bytes.
    monkeypatch.setattr("mmpt.store.shards.available_memory", lambda: available)
    assert choose_mode(f"{folder}/", "train") == expected
    assert ShardReader(f"{folder}/", "train").mode == expected
    monkeypatch.setattr("mmpt.store.shards.available_memory", lambda: 2 * 448)
    assert choose_mode(f"{folder}/", "train") == "mmap"
    monkeypatch.setattr("mmpt.store.shards.available_memory", lambda: 2 * 448 - 1)
    assert choose_mode(f"{folder}/", "train") == "pread"


def test_each_part_of_a_mapped_file_is_announced_once(folder, monkeypatch):
    asked = []
    monkeypatch.setattr(os, "posix_fadvise", lambda file, *place: asked.append(place))
    big = [np.zeros((100, 512), np.float16), np.zeros((3, 512), np.float16)]
    ShardedTensor.from_list(big).save(folder / "train_9")
    reader = ShardReader(f"{folder}/", "train", mode="mmap")
    reader.read(9, 0, 0, 32)  # bytes 128 ... 32896: the blocks of 16384 bytes 0, 1 and 2
    reader.read(9, 0, 10, 20)
    assert asked == [(0, 3 * 16384, os.POSIX_FADV_WILLNEED)]
    reader.prefetch([(9, 0)])  # bytes 128 ... 102528: blocks 0 to 6
    reader.read(9, 0)
    reader.prefetch([(9, 1), (9, 1)])  # 102528 ... 105600: block 6
    assert asked[1:] == [(0, 7 * 16384, os.POSIX_FADV_WILLNEED)]


def test_positional_reads_announce_only_what_is_asked_for_ahead(folder, monkeypatch):
    asked = []
    monkeypatch.setattr(os, "posix_fadvise", lambda file, *place: asked.append(place))
    reader = ShardReader(f"{folder}/", "train", mode="pread")
    assert reader[0, 0].shape == (3, 4)
    assert asked == []
    reader.prefetch([(0, 0), (1, 2), (0, 0)])
    assert len(asked) == 3


@pytest.mark.parametrize("mode", MODES)
@given(windows=st.lists(st.tuples(*[st.integers(0, 6)] * 4), max_size=20))
def test_any_windows_in_any_order_equal_slices(tmp_path_factory, mode, windows):
    folder = tmp_path_factory.mktemp("shards")
    rows = np.random.default_rng(0).normal(size=(2, 18, 3)).astype(np.float32)
    for shard in range(2):
        items = np.split(rows[shard], [0, 5, 6, 6, 12, 17])  # 7 items, two of them empty
        ShardedTensor.from_list(items).save(folder / f"val_{shard}")
    reader = ShardReader(f"{folder}/", "val", mode=mode, max_open=1)
    for item, shard, start, stop in windows:
        expected = np.split(rows[shard % 2], [0, 5, 6, 6, 12, 17])[item][start:stop]
        np.testing.assert_array_equal(reader.read(shard % 2, item, start, stop), expected)
