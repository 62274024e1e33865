"""ShardedTensor: rows of many items in one array."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mmpt.errors import DataError
from mmpt.store.npyfile import read_array
from mmpt.utils import ShardedTensor

ITEMS = st.lists(
    st.integers(0, 5).flatmap(
        lambda rows: arrays(np.float32, (rows, 3), elements=st.floats(-9, 9, width=16))
    ),
    min_size=1,
    max_size=6,
)


@given(ITEMS)
def test_items_come_back_as_they_went_in(items):
    tensor = ShardedTensor.from_list(items)
    assert len(tensor) == len(items)
    assert tensor.lengths().tolist() == [len(item) for item in items]
    for index, item in enumerate(items):
        np.testing.assert_array_equal(tensor[index], item)
        np.testing.assert_array_equal(tensor[index - len(items)], item)


@pytest.mark.parametrize("mmap_mode", [None, "r"])
def test_a_saved_tensor_loads_the_same_in_both_modes(tmp_path, mmap_mode):
    items = [np.full((rows, 2), rows, dtype=np.float16) for rows in (3, 0, 1)]
    ShardedTensor.from_list(items).save(tmp_path / "train_0")
    loaded = ShardedTensor.load(tmp_path / "train_0", mmap_mode)
    assert loaded.starts.tolist() == [0, 3, 3, 4]
    assert all(np.array_equal(got, item) for got, item in zip(loaded, items, strict=True))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train_0_data.npy", "train_0_starts.npy"]


def test_a_tensor_of_empty_items_can_be_mapped(tmp_path):
    ShardedTensor.from_list([np.zeros((0, 512), np.float16)]).save(tmp_path / "x")
    assert ShardedTensor.load(tmp_path / "x", "r")[0].shape == (0, 512)


def test_shards_of_the_original_load(golden):
    tensor = ShardedTensor.load(golden / "legacy/data/train_1")
    assert tensor.starts[:3].tolist() == [0, 44, 82]
    assert tensor[1].shape == (82 - 44, 512)
    assert tensor[1].dtype == np.float16


@pytest.mark.parametrize("starts", [[1, 2], [0, 3], [0, 2, 1, 2], [], [[0, 2]], [0.0, 2.0]])
def test_starts_that_do_not_fit_the_data_are_refused(starts):
    with pytest.raises(DataError, match=r"starts of a ShardedTensor"):
        ShardedTensor(np.zeros((2, 3)), np.array(starts))


def test_an_empty_list_and_mixed_widths_are_refused():
    with pytest.raises(DataError, match="empty list"):
        ShardedTensor.from_list([])
    with pytest.raises(DataError, match="agree in dtype and width"):
        ShardedTensor.from_list([np.zeros((1, 3)), np.zeros((1, 4))])


def test_an_item_out_of_range_raises_index_error():
    with pytest.raises(IndexError, match="Item 1 of a ShardedTensor of 1 items"):
        ShardedTensor.from_list([np.zeros((1, 3))])[1]


@pytest.mark.parametrize("cut", [1, 40, 200])
def test_a_truncated_file_is_named_with_the_bytes_expected(tmp_path, cut):
    ShardedTensor.from_list([np.zeros((10, 4), np.float32)]).save(tmp_path / "t")
    path = tmp_path / "t_data.npy"
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(DataError, match=r"t_data\.npy (is truncated.*takes 288 bytes|is not a readable)"):
        ShardedTensor.load(tmp_path / "t")


def test_a_missing_a_foreign_and_a_pickled_file_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"none_data\.npy does not exist"):
        ShardedTensor.load(tmp_path / "none")
    (tmp_path / "t_data.npy").write_bytes(b"not numpy at all")
    with pytest.raises(DataError, match=r"not a readable \.npy"):
        ShardedTensor.load(tmp_path / "t")
    np.save(tmp_path / "t_data.npy", np.array([object()]), allow_pickle=True)
    with pytest.raises(DataError, match="plain numbers"):
        ShardedTensor.load(tmp_path / "t")


@pytest.mark.parametrize("dtype", ["U1", "c8", [("x", "f4")], "M8[s]"])
def test_an_array_of_anything_but_numbers_is_refused(tmp_path, dtype):
    np.save(tmp_path / "x.npy", np.zeros((3, 2), dtype))
    with pytest.raises(DataError, match=r"x\.npy holds a .* rows of plain numbers in C order are expected"):
        read_array(tmp_path / "x.npy")
