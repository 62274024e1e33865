"""Packing: any source, sizes by bytes or videos, little memory, and the same bytes after any kill."""

import argparse
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mmpt.errors import ConfigError, DataError
from mmpt.store.meta import load_meta, read_meta
from mmpt.store.pack import AHEAD, pack_features
from mmpt.store.shards import ShardReader
from mmpt.store.verify import verify_shards
from mmpt.utils.units import format_bytes, parse_bytes


@pytest.fixture
def features(tmp_path):
    """12 videos; video v<i> has i + 1 rows of 8 numbers that say i."""
    folder = tmp_path / "feat"
    folder.mkdir()
    for i in range(12):
        np.save(folder / f"v{i:02d}.npy", np.full((i + 1, 8), i, np.float16))
    return folder


def test_without_a_list_all_videos_are_packed_and_the_width_is_theirs(tmp_path, features):
    report = pack_features(None, features, tmp_path / "shards", "train", shard_size=5)
    assert report.packed == 12
    meta = load_meta(f"{tmp_path}/shards/", "train")
    assert [len(ids) for ids in meta.shards.values()] == [5, 5, 2]
    assert meta.arrays[0].dim == 8
    reader = ShardReader.videos(tmp_path / "shards", "train")
    for shard, ids in meta.shards.items():
        for item, video_id in enumerate(ids):
            np.testing.assert_array_equal(reader[shard, item], np.load(features / f"{video_id}.npy"))


def test_shards_by_bytes_hold_as_many_videos_as_fit_in_order(tmp_path, features):
    pack_features(None, features, tmp_path / "shards", "train", shard_bytes=160)
    # A row takes 8 x 2 = 16 bytes: rows 1+2+3+4 = 10 -> 160 bytes; 5; 6; 7; ... of 80 and more bytes,
    # 5 + 6 = 11 rows are 176 bytes. From 11 rows (176 bytes) on a video alone is too large.
    shards = read_meta(tmp_path / "shards", "train")
    assert list(shards.values()) == [["v00", "v01", "v02", "v03"]] + [[f"v{i:02d}"] for i in range(4, 12)]
    with pytest.raises(DataError, match="Shards of 0 bytes cannot be made of 12 videos"):
        pack_features(None, features, tmp_path / "other", "train", shard_bytes=0)


@pytest.mark.parametrize("split", ["valid", "test", ""])
def test_shards_that_nothing_would_read_are_not_written(tmp_path, features, split):
    with pytest.raises(ConfigError, match=rf"of the split train or val, .*; got '{split}'"):
        pack_features(None, features, tmp_path / "shards", split)


def test_a_width_that_differs_from_the_first_is_reported(tmp_path, features):
    np.save(features / "v05.npy", np.ones((2, 9), np.float16))
    report = pack_features(None, features, tmp_path / "shards", "train")
    assert report.packed == 11
    assert report.unusable == {
        "v05": "The features of 'v05' have the shape (2, 9); (seconds, 8) is expected."
    }


def test_no_more_videos_are_in_memory_than_are_read_ahead(tmp_path):
    """120 videos of 1 MB in one shard: a pass that held the shard would need 120 MB."""
    import tracemalloc

    (tmp_path / "feat").mkdir()
    for i in range(120):
        np.save(tmp_path / "feat" / f"{i:03d}.npy", np.ones((1024, 512), np.float16))
    tracemalloc.start()
    pack_features(None, tmp_path / "feat", tmp_path / "shards", "train")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # What waits, and what 4 threads read and one writes: each may hold copies for a moment.
    assert peak < (AHEAD + 5 * 4) * 1.05e6


RUN = """
import sys
from mmpt.store.pack import pack_features
print("start", flush=True)
pack_features(sys.argv[1], sys.argv[2], sys.argv[3], "train", shard_size=3)
"""


def pack_in_a_process(*arguments):
    command = [sys.executable, "-c", RUN, *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout.readline() == b"start\n"
    return process


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_packing_that_is_killed_at_random_moments_ends_with_the_same_bytes(tmp_path, kills):
    features, ids = tmp_path / "feat", [f"v{i:02d}" for i in range(40)]
    features.mkdir()
    rng = np.random.default_rng(0)
    for video_id in ids:
        np.save(features / f"{video_id}.npy", rng.normal(size=(300, 64)).astype(np.float16))
    (tmp_path / "ids").write_text("\n".join([*ids, "missing"]))
    process, begin = pack_in_a_process(tmp_path / "ids", features, tmp_path / "whole"), time.perf_counter()
    assert process.wait() == 0
    duration = time.perf_counter() - begin
    expected, moments, halves = content(tmp_path / "whole"), random.Random(kills), 0
    while halves < kills:
        process = pack_in_a_process(tmp_path / "ids", features, tmp_path / "shards")
        time.sleep(moments.uniform(0, duration))
        process.send_signal(signal.SIGKILL)
        if process.wait() == -signal.SIGKILL:
            halves += (tmp_path / "shards" / ".train_meta.json.partial").exists()
        else:  # it was done before
            assert content(tmp_path / "shards") == expected
            shutil.rmtree(tmp_path / "shards")
    assert pack_in_a_process(tmp_path / "ids", features, tmp_path / "shards").wait() == 0
    assert content(tmp_path / "shards") == expected
    assert verify_shards(tmp_path / "shards").problems == []


def test_two_processes_do_not_write_the_same_shards(tmp_path, features):
    (tmp_path / "ids").write_text("v00\nv01")
    lock = """
import sys, time
from mmpt.utils.lock import exclusive
with exclusive(sys.argv[1], "it"):
    print("held", flush=True)
    time.sleep(1000)
"""
    path = tmp_path / "shards" / ".train_meta.json.lock"
    holder = subprocess.Popen([sys.executable, "-c", lock, str(path)], stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(DataError, match=r"Another process is writing the shards .*train_\* .*Wait for it"):
        pack_features(tmp_path / "ids", features, tmp_path / "shards", "train")
    pack_features(tmp_path / "ids", features, tmp_path / "shards", "val")  # another set is free
    holder.kill()
    holder.wait()
    assert path.exists()  # a killed process leaves its file, which locks nobody out
    pack_features(tmp_path / "ids", features, tmp_path / "shards", "train")
    assert not path.exists()


@pytest.mark.parametrize(
    ("text", "value"), [("4096", 4096), ("2G", 2**31), ("1.5 KiB", 1536), ("3mb", 3 * 2**20)]
)
def test_amounts_of_bytes_are_read(text, value):
    assert parse_bytes(text) == value


def test_a_wrong_amount_of_bytes_is_named_and_amounts_are_printed_short():
    with pytest.raises(argparse.ArgumentTypeError, match="'2 apples' is no amount of bytes"):
        parse_bytes("2 apples")
    assert [format_bytes(n) for n in (512, 1536, 999 * 2**30, 2.5 * 2**40)] == [
        "512 B",
        "1.5 KiB",
        "999 GiB",
        "2.5 TiB",
    ]


def test_the_script_packs_by_bytes_and_with_the_width_that_is_there(tmp_path, features):
    script = Path(__file__).parents[2] / "scripts/video_feature_extractor/shard_feature.py"
    (tmp_path / "train.lst").write_text("\n".join(f"v{i:02d}" for i in range(12)))
    options = ["--fdir", features, "--sdir", tmp_path / "shards", "--lists", tmp_path / "{split}.lst"]
    command = [sys.executable, script, *options, "--splits", "train", "--shard_bytes", "0.5K"]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    # 512 bytes are 32 rows of 16 bytes: 1 + ... + 7 = 28, 8 + 9 + 10 = 27, 11 + 12 = 23
    assert [len(ids) for ids in read_meta(tmp_path / "shards", "train").values()] == [7, 3, 2]
    wrong = subprocess.run([*map(str, command[:-1]), "much"], check=False, capture_output=True, text=True)
    assert wrong.returncode == 2
    assert "argument --shard_bytes: 'much' is no amount of bytes; write it like 2G" in wrong.stderr
