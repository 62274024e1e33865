"""Vectors of videos in files, and who writes which."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmpt.errors import DataError
from mmpt.retrieval import VideoVectorPool
from mmpt.retrieval.embedding import part_size
from mmpt.retrieval.fingerprint import fingerprint


def test_a_video_is_the_mean_of_its_clips():
    # 2 videos of 3 clips, one direction: ((1+3)/2 + (2+2)/2 + (6+4)/2) / 3 = (2+2+5) / 3 = 3.
    video = torch.tensor([[1.0], [2.0], [6.0], [0.0], [0.0], [3.0]])
    text = torch.tensor([[3.0], [2.0], [4.0], [0.0], [3.0], [0.0]])
    assert VideoVectorPool.pool(video, text, 2).tolist() == [[3.0], [1.0]]


def test_what_is_written_in_parts_is_read_as_a_whole(tmp_path):
    vectors = np.arange(14, dtype=np.float32).reshape(7, 2)
    one, other = (VideoVectorPool(tmp_path / "new", "abc", 7, 3) for _ in range(2))
    assert one.parts == [range(0, 3), range(3, 6), range(6, 7)]
    for part in one.parts[::2]:
        one.write(part, vectors[part])
    assert [other.has(part) for part in other.parts] == [True, False, True]
    other.write(other.parts[1], vectors[3:6])
    assert (one.read() == vectors).all()


def test_a_missing_part_is_named_with_its_probable_cause(tmp_path):
    pool = VideoVectorPool(tmp_path, "abc", 7, 3)
    pool.write(pool.parts[0], np.zeros((3, 2)))
    with pytest.raises(DataError, match=r"abc\.3-6\.npy does not exist: 2 of 3 parts .*share one"):
        pool.read()


@pytest.mark.parametrize("shape", [(2, 2), (3, 5)])
def test_a_part_of_another_shape_is_refused(tmp_path, shape):
    pool = VideoVectorPool(tmp_path, "abc", 6, 3)
    pool.write(pool.parts[0], np.zeros((3, 2)))
    pool.write(pool.parts[1], np.zeros(shape))
    with pytest.raises(DataError, match=r"abc\.3-6\.npy has shape .*; \(3, 2\) is expected\. Delete it"):
        pool.read()


def test_the_files_of_other_epochs_are_removed_and_nothing_else(tmp_path):
    old, new = VideoVectorPool(tmp_path, "old", 2, 2), VideoVectorPool(tmp_path, "new", 2, 2)
    for pool in (old, new):
        pool.write(range(2), np.zeros((2, 2)))
    (tmp_path / ".old.0-2.npy.17-0badcafe.tmp").touch()  # of a killed process
    (tmp_path / "notes.txt").touch()
    new.remove_others()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.0-2.npy", "notes.txt"]


@given(videos=st.integers(1, 20_000), size=st.integers(1, 64), processes=st.integers(1, 16))
def test_files_hold_whole_batches_and_every_process_gets_its_share(videos, size, processes):
    part = part_size(videos, size, processes)
    assert part % size == 0
    assert part <= 4096 + size
    # As many files as processes, except where a share is less than one batch.
    files = -(-videos // part)
    assert files >= min(processes, -(-videos // (-(-videos // processes) + size)))


def test_a_fingerprint_changes_with_every_fact():
    assert fingerprint([1, "a"]) == fingerprint([1, "a"])
    assert len({fingerprint([1, "a"]), fingerprint([1, "b"]), fingerprint(["1", "a"]), fingerprint([1])}) == 4
