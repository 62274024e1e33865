"""Repair: only what is broken is made again, and what cannot be is named with what to do."""

import os
import warnings

import numpy as np
import pytest
import yaml

from mmpt.errors import DataError
from mmpt.store.caption_writer import write_captions
from mmpt.store.captions import Caption
from mmpt.store.npyfile import read_array
from mmpt.store.pack import pack_features
from mmpt.store.pretokenize import pretokenize, read_config
from mmpt.store.repair import repair_shards
from mmpt.store.sources import open_features
from mmpt.store.verify import verify_shards
from mmpt_cli.shards import main as shards_command

IDS = [f"v{i}" for i in range(6)]
TOKENS = "raw_caption_dedup.bert."


@pytest.fixture
def world(tmp_path, tiny_bert):
    """6 videos in 3 shards with their captions, and a copy of every byte."""
    (tmp_path / "feat").mkdir()
    rng = np.random.default_rng(0)
    for video_id in IDS:
        np.save(tmp_path / f"feat/{video_id}.npy", rng.normal(size=(5, 4)).astype(np.float16))
    (tmp_path / "ids").write_text("\n".join(IDS))
    pack_features(tmp_path / "ids", tmp_path / "feat", tmp_path / "shards", "train", shard_size=2)
    write_captions(
        tmp_path / "raw_caption_dedup.jsonl", [(name, [Caption(0, 2, "cut the onion")]) for name in IDS]
    )
    task = {
        "bert_name": str(tiny_bert),
        "vfeat_dir": str(tmp_path / "shards"),
        "caption_path": str(tmp_path / "raw_caption_dedup.jsonl"),
        "splits": ["train"],
    }
    (tmp_path / "captions.yaml").write_text(yaml.safe_dump({"dataset": task}))
    pretokenize(read_config(tmp_path / "captions.yaml"))
    return tmp_path


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2 + 40] ^= 4
    path.write_bytes(data)


DAMAGES = {
    "a flipped byte": lambda f: flip(f / "train_1_data.npy"),
    "a truncated file": lambda f: os.truncate(f / "train_1_data.npy", 150),
    "a missing file": lambda f: (f / "train_1_starts.npy").unlink(),
    "captions with a flipped byte": lambda f: flip(f / f"{TOKENS}train_1.caps_ids_data.npy"),
    "captions missing": lambda f: (f / f"{TOKENS}train_1.startends_data.npy").unlink(),
    "an empty file": lambda f: os.truncate(f / "train_1_data.npy", 0),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_only_the_broken_shard_is_made_again_and_has_the_same_bytes(world, damage, capsys):
    before = content(world / "shards")
    DAMAGES[damage](world / "shards")
    untouched = {path: path.stat().st_mtime_ns for path in (world / "shards").glob("*_[02]*.npy")}
    assert shards_command(["verify", f"{world}/shards"]) == 1
    options = ["--fdir", f"{world}/feat", "--captions", f"{world}/captions.yaml"]
    assert shards_command(["repair", f"{world}/shards", *options]) == 0
    assert "train_1 was made again" in capsys.readouterr().out
    assert content(world / "shards") == before
    assert {path: path.stat().st_mtime_ns for path in untouched} == untouched


def test_everything_at_once_is_found_and_repaired(world):
    before = content(world / "shards")
    for damage in list(DAMAGES.values())[:-1]:
        if (world / "shards/train_1_data.npy").exists():
            damage(world / "shards")
    flip(world / "shards/train_2_data.npy")
    (world / "shards/.train_0_data.npy.12-0123abcd.tmp").write_bytes(b"half")
    report = repair_shards(
        world / "shards", open_features(world / "feat"), read_config(world / "captions.yaml")
    )
    assert report.rebuilt == ["train_1", "train_2", f"{TOKENS}train_1"]
    assert (report.changed, report.unrepaired, report.after.problems) == ([], [], [])
    assert content(world / "shards") == before


def test_a_whole_folder_is_left_alone(world):
    before = {path: path.stat().st_mtime_ns for path in (world / "shards").iterdir()}
    report = repair_shards(world / "shards", open_features(world / "feat"))
    assert (report.rebuilt, report.removed, report.unrepaired) == ([], [], [])
    assert {path: path.stat().st_mtime_ns for path in (world / "shards").iterdir()} == before


def test_features_that_have_changed_since_are_named(world, capsys):
    flip(world / "shards/train_0_data.npy")
    np.save(world / "feat/v1.npy", np.ones((7, 4), np.float16))
    assert shards_command(["repair", f"{world}/shards", "--fdir", f"{world}/feat"]) == 0
    assert "train_0 was made again; its features have changed" in capsys.readouterr().out


def test_what_is_needed_for_a_repair_is_named_and_nothing_is_lost(world, capsys):
    flip(world / "shards/train_0_data.npy")
    flip(world / f"shards/{TOKENS}train_2.caps_ids_data.npy")
    before = content(world / "shards")
    assert shards_command(["repair", f"{world}/shards"]) == 1
    out = capsys.readouterr().out
    assert "train: shards are broken (0); name what they were packed from with --fdir" in out
    assert "token shards are broken; name what made them: --captions CONFIG.yaml" in out
    (world / "feat/v1.npy").unlink()
    assert shards_command(["repair", f"{world}/shards", "--fdir", f"{world}/feat"]) == 1
    assert "1 videos of the broken shards have no usable features" in capsys.readouterr().out
    (world / "raw_caption_dedup.jsonl").unlink()
    assert shards_command(["repair", f"{world}/shards", "--captions", f"{world}/captions.yaml"]) == 1
    assert "raw_caption_dedup.jsonl does not exist" in capsys.readouterr().out
    assert content(world / "shards") == before


def test_a_damaged_meta_file_means_packing_again_which_works(world, capsys):
    before = content(world / "shards")
    (world / "shards/train_meta.json").write_text("{")
    assert shards_command(["repair", f"{world}/shards", "--fdir", f"{world}/feat"]) == 1
    assert "nobody knows what belongs in which shard. Run the command" in capsys.readouterr().out
    pack_features(world / "ids", world / "feat", world / "shards", "train", shard_size=2)
    assert content(world / "shards") == before


def test_a_damaged_meta_file_of_captions_is_made_again(world):
    before = content(world / "shards")
    (world / f"shards/{TOKENS}train_meta.json").write_text("{")
    report = repair_shards(world / "shards", None, read_config(world / "captions.yaml"))
    assert report.unrepaired == []
    assert content(world / "shards") == before


def test_extra_files_are_named_and_deleted_only_on_request(world, capsys):
    for name in ("train_9_data.npy", "other.npy", "train_0_data.npy.bak", "notes.txt"):
        (world / "shards" / name).write_bytes(b"x")
    assert shards_command(["repair", f"{world}/shards"]) == 1
    out = capsys.readouterr().out
    assert out.count("is in no meta file") == 3
    assert "notes.txt" not in out
    assert shards_command(["repair", f"{world}/shards", "--remove_extra"]) == 0
    assert sorted(path.name for path in (world / "shards").iterdir() if path.name[0] in "on") == ["notes.txt"]


def test_an_interrupted_set_is_for_the_command_that_packs(world, capsys):
    os.replace(world / "shards/train_meta.json", world / "shards/.train_meta.json.partial")
    assert shards_command(["repair", f"{world}/shards", "--fdir", f"{world}/feat"]) == 1
    assert "packing was interrupted. Run the command that packed them again" in capsys.readouterr().out


def test_shards_of_the_original_are_not_touched(golden, tmp_path):
    import shutil

    shutil.copytree(golden / "legacy/data", tmp_path / "data")
    os.truncate(tmp_path / "data/train_1_data.npy", 500)
    report = repair_shards(tmp_path / "data", open_features(tmp_path))
    assert "without a whole train_meta.json" in report.unrepaired[0]
    assert (tmp_path / "data/train_1_data.npy").stat().st_size == 500
    assert len(report.after.problems) == 1


@pytest.mark.parametrize("threads", [1, 4])
def test_any_flipped_byte_is_found(world, threads):
    rng = np.random.default_rng(threads)
    for path in sorted([*(world / "shards").glob("*.npy"), *(world / "shards").glob("*_meta.json")]):
        whole = path.read_bytes()
        for place in rng.integers(0, len(whole), 4):
            data = bytearray(whole)
            data[place] ^= 1 << int(rng.integers(8))
            path.write_bytes(data)
            problems = verify_shards(world / "shards", threads=threads).problems
            assert problems, f"byte {place} of {path.name}"
            assert any(path.name.removesuffix("_data.npy").removesuffix("_starts.npy") in p for p in problems)
        path.write_bytes(whole)
    assert verify_shards(world / "shards").problems == []


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(DataError, match="There is no folder"):
        repair_shards(tmp_path / "none")


def test_a_header_with_any_bit_flipped_is_read_or_refused(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((5, 4), np.float16))
    whole = path.read_bytes()
    refused = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy remarks on headers that look like those of Python 2
        for bit in range(8 * 128):
            data = bytearray(whole)
            data[bit // 8] ^= 1 << bit % 8
            path.write_bytes(data)
            try:
                read_array(path)
            except DataError:
                refused += 1
    assert refused > 400  # the others are spaces, or say something else of the same size
