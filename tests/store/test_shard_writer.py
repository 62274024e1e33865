"""Writing shards: streaming, resuming, refusing, and checking the result."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpt.errors import DataError
from mmpt.store.meta import ArraySpec, load_meta, read_meta
from mmpt.store.shard_writer import (
    forget_shards,
    plan_shards,
    plan_shards_by_bytes,
    rewrite_shards,
    write_shards,
)
from mmpt.store.shards import ShardReader
from mmpt.store.verify import verify_shards
from mmpt.utils import ShardedTensor
from mmpt_cli.shards import main as shards_command

IDS = [f"v{i}" for i in range(5)]
VIDEO = [ArraySpec("", "float16", 4)]


def load(ids):
    """Video v<i> has i + 1 seconds that all say i."""
    return ([np.full((int(v[1:]) + 1, 4), int(v[1:]), np.float32)] for v in ids)


def write(folder, loader=load, ids=IDS, source=None):
    return write_shards(f"{folder}/", "train", plan_shards(ids, 2), loader, VIDEO, source or {"fps": 30})


def test_shards_hold_the_videos_in_order(tmp_path):
    write(tmp_path)
    assert read_meta(tmp_path, "train") == {0: ["v0", "v1"], 1: ["v2", "v3"], 2: ["v4"]}
    reader = ShardReader.videos(tmp_path, "train")
    np.testing.assert_array_equal(reader[1, 1], np.full((4, 4), 3, np.float16))
    # The streamed file is an ordinary .npy, readable by numpy and by ShardedTensor.
    assert ShardedTensor.load(tmp_path / "train_2").lengths().tolist() == [5]
    assert verify_shards(tmp_path).problems == []


def test_the_meta_file_says_how_the_shards_were_made(tmp_path):
    write(tmp_path)
    meta = json.loads((tmp_path / "train_meta.json").read_text())
    assert meta["version"] == 1
    assert meta["arrays"] == [{"kind": "", "dtype": "float16", "dim": 4}]
    assert meta["rows"] == {"0": 1 + 2, "1": 3 + 4, "2": 5}
    assert meta["source"] == {"fps": 30}
    assert sorted(meta["sha256"]) == [
        f"train_{n}_{part}.npy" for n in range(3) for part in ("data", "starts")
    ]


def test_an_interrupted_run_leaves_no_half_and_continues(tmp_path):
    calls = []

    def interrupted(ids):
        calls.append(ids)
        for number, item in enumerate(load(ids)):
            if ids == ["v2", "v3"] and number == 1:
                raise KeyboardInterrupt
            yield item

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, interrupted)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [".train_meta.json.partial", "train_0_data.npy", "train_0_starts.npy"]
    with pytest.raises(DataError, match="not complete"):
        read_meta(tmp_path, "train")
    assert "not complete" in verify_shards(tmp_path).problems[0]

    resumed = []
    write(tmp_path, lambda ids: resumed.append(ids) or load(ids))
    assert resumed == [["v2", "v3"], ["v4"]]
    assert verify_shards(tmp_path).problems == []
    assert not list(tmp_path.glob(".*"))


def test_a_finished_set_is_not_written_again(tmp_path):
    before = write(tmp_path)
    assert write(tmp_path, lambda ids: pytest.fail("nothing is to be loaded")) == before


def test_a_changed_list_rewrites_what_changed_and_removes_what_is_left_over(tmp_path):
    write(tmp_path)
    loaded = []
    write(tmp_path, lambda ids: loaded.append(ids) or load(ids), ids=["v0", "v1", "v4"])
    assert loaded == [["v4"]]
    assert not (tmp_path / "train_2_data.npy").exists()
    assert verify_shards(tmp_path).problems == []


def test_another_source_rewrites_everything(tmp_path):
    write(tmp_path)
    loaded = []
    write(tmp_path, lambda ids: loaded.append(ids) or load(ids), source={"fps": 10})
    assert len(loaded) == 3
    assert load_meta(f"{tmp_path}/", "train").source == {"fps": 10}


def test_shards_of_the_original_are_never_overwritten(tmp_path):
    (tmp_path / "train_meta.pkl").write_bytes(b"")
    with pytest.raises(DataError, match="they are not overwritten"):
        write(tmp_path)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros((2, 5)), r"'v0' has the shape \(2, 5\); \(rows, 4\)"),
        (np.zeros(4), "shape"),
        (np.full((1, 4), np.nan), "'v0' holds NaN"),
        (np.full((1, 4), 1e6), "too large for float16"),
    ],
)
def test_bad_rows_are_refused_and_leave_nothing(tmp_path, bad, message):
    with pytest.raises(DataError, match=message):
        write(tmp_path, lambda ids: [[bad]] * len(ids))
    assert not list(tmp_path.glob("train_*"))


def test_no_videos_make_no_shards():
    with pytest.raises(DataError, match="cannot be made of 0 videos"):
        plan_shards([], 4096)


def damage_data(folder):
    path = folder / "train_0_data.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def list_wrongly(folder, old, new):
    """Change a meta file of the first versions, which have no checksum of their own."""
    path = folder / "train_meta.json"
    content = json.loads(path.read_text())
    del content["checksum"]
    path.write_text(json.dumps(content).replace(old, new))


DAMAGES = {
    "does not have the checksum": damage_data,
    "train_0_data.npy is truncated": lambda f: (f / "train_0_data.npy").write_bytes(
        (f / "train_0_data.npy").read_bytes()[:-2]
    ),
    "train_1_starts.npy does not exist": lambda f: (f / "train_1_starts.npy").unlink(),
    "train_1 has 2 items; its meta file lists 1": lambda f: list_wrongly(f, '"v2", ', ""),
    "its content does not have the checksum in it": lambda f: (f / "train_meta.json").write_text(
        (f / "train_meta.json").read_text().replace('"v2"', '"v9"')
    ),
    "train_9_data.npy is in no meta file": lambda f: np.save(f / "train_9_data.npy", np.zeros((1, 4))),
    "train_0 holds float32 rows": lambda f: ShardedTensor(
        np.zeros((3, 4), np.float32), np.array([0, 1, 3])
    ).save(f / "train_0"),
    "was left by a killed run": lambda f: (f / ".train_0_data.npy.1-abc.tmp").write_bytes(b"x"),
    "is not valid JSON": lambda f: (f / "train_meta.json").write_text("{"),
    "has version 99": lambda f: (f / "train_meta.json").write_text(
        (f / "train_meta.json").read_text().replace('"version": 1', '"version": 99')
    ),
    "more than once": lambda f: list_wrongly(f, '"v2"', '"v0"'),
}


@pytest.mark.parametrize("message", DAMAGES)
def test_verify_names_every_kind_of_damage(tmp_path, message, capsys):
    write(tmp_path)
    DAMAGES[message](tmp_path)
    assert shards_command(["verify", str(tmp_path)]) == 1
    assert message in capsys.readouterr().out


def test_verify_reports_all_problems_at_once(tmp_path):
    write(tmp_path)
    damage_data(tmp_path)
    (tmp_path / "train_2_data.npy").unlink()
    assert len(verify_shards(tmp_path).problems) == 2


def test_verify_checks_shards_of_the_original_with_their_captions(golden, capsys):
    assert shards_command(["verify", str(golden / "legacy/data")]) == 0
    # 3 train and 1 val shards, each with features, times and ids in two files: 4 × 3 × 2
    assert "24 files" in capsys.readouterr().out


def test_verify_refuses_a_folder_without_shards(tmp_path):
    assert "holds no shards" in verify_shards(tmp_path).problems[0]
    with pytest.raises(DataError, match="There is no folder"):
        verify_shards(tmp_path / "none")


def test_shard_files_without_a_meta_file_are_never_overwritten(tmp_path):
    np.save(tmp_path / "train_7_data.npy", np.zeros((1, 4)))
    with pytest.raises(DataError, match=r"train_7_data\.npy and 0 more shard files have no meta file"):
        write(tmp_path)
    np.save(tmp_path / "val_7_data.npy", np.zeros((1, 4)))
    (tmp_path / "train_7_data.npy").unlink()
    write(tmp_path)  # the other split is none of its business


def test_what_a_killed_run_left_is_removed_and_nothing_else(tmp_path):
    """Killed after shard 2 was in place and before it was recorded; then the list becomes shorter."""
    meta = write(tmp_path)
    (tmp_path / "train_meta.json").unlink()
    kept = {number: ids for number, ids in meta.shards.items() if number < 2}
    replace(meta, shards=kept).save(tmp_path / ".train_meta.json.partial", "train")
    left = [".train_2_data.npy.17-0a1b2c3d.tmp", "..train_meta.json.partial.17-0a1b2c3d.tmp"]
    others = [".val_0_data.npy.17-0a1b2c3d.tmp", "training.txt", "train_notes.npy"]
    for name in left + others:
        (tmp_path / name).write_text("")
    write(tmp_path, ids=IDS[:4])
    assert sorted(path.name for path in tmp_path.iterdir() if "train_" not in path.name) == sorted(
        name for name in others if "train_" not in name
    )
    assert not any((tmp_path / name).exists() for name in [*left, "train_2_data.npy", "train_2_starts.npy"])
    assert (tmp_path / "train_notes.npy").exists()


def test_while_a_set_is_replaced_the_old_meta_is_not_believed(tmp_path):
    meta = write(tmp_path)
    meta.save(tmp_path / ".train_meta.json.partial", "train")  # killed before the old one was removed
    with pytest.raises(DataError, match="not complete"):
        read_meta(tmp_path, "train")
    assert write(tmp_path) == meta
    assert read_meta(tmp_path, "train") == meta.shards


def test_an_interrupted_set_ends_with_the_bytes_of_an_undisturbed_one(tmp_path):
    write(tmp_path / "whole")
    meta = write(tmp_path / "cut")
    forget_shards(f"{tmp_path}/cut/", "train", [0])  # the first is written last now
    assert not (tmp_path / "cut/train_meta.json").exists()
    loaded = []
    assert write(tmp_path / "cut", lambda ids: loaded.append(ids) or load(ids)) == meta
    assert loaded == [["v0", "v1"]]
    names = sorted(path.name for path in (tmp_path / "whole").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "cut").iterdir())
    for name in names:
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_shard_is_written_again_alone(tmp_path):
    write(tmp_path)
    before = (tmp_path / "train_meta.json").read_bytes()
    damage_data(tmp_path)
    loaded = []
    assert rewrite_shards(f"{tmp_path}/", "train", [0], lambda ids: loaded.append(ids) or load(ids)) == []
    assert loaded == [["v0", "v1"]]
    assert (tmp_path / "train_meta.json").read_bytes() == before
    assert verify_shards(tmp_path).problems == []


def test_a_shard_whose_source_has_changed_is_written_as_it_is_now_and_named(tmp_path):
    write(tmp_path)
    longer = rewrite_shards(f"{tmp_path}/", "train", [1, 2], lambda ids: ([np.ones((9, 4))] for _ in ids))
    assert longer == [1, 2]
    assert load_meta(f"{tmp_path}/", "train").rows == {0: 3, 1: 18, 2: 9}
    assert verify_shards(tmp_path).problems == []


@given(st.dictionaries(st.text(min_size=1), st.integers(0, 50), min_size=1), st.integers(1, 60))
def test_shards_by_bytes_keep_the_order_and_the_limit(sizes, limit):
    shards = plan_shards_by_bytes(sizes, limit)
    assert [video_id for ids in shards.values() for video_id in ids] == list(sizes)
    assert list(shards) == list(range(len(shards)))
    for number, ids in shards.items():
        used = sum(sizes[video_id] for video_id in ids)
        assert ids
        assert used <= limit or len(ids) == 1 or sum(sizes[v] for v in ids[1:]) == 0
        if number + 1 in shards:  # the next one's first would not have fitted
            assert used + sizes[shards[number + 1][0]] > limit
