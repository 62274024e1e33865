import json
import pickle

import numpy as np
import pytest

from mmpt.config import DatasetConfig
from mmpt.errors import ConfigError, DataError
from mmpt.processors import (
    How2MetaProcessor,
    PKLJSONStrTextProcessor,
    ShardedHow2MetaProcessor,
    ShardedTextProcessor,
    ShardedVideoProcessor,
)
from mmpt.processors.shardscan import NO_CAPTION, NO_VIDEO
from mmpt.store.meta import ArraySpec, video_prefix
from mmpt.store.shard_writer import write_shards
from mmpt.store.shardedtensor import ShardedTensor

# Seconds of video; caption starts. Each caption takes 1 second and has one word.
WORLD = {"good": (5, [0, 3]), "late": (5, [6, 9]), "mute": (5, []), "blind": (0, [1]), "last": (4, [2])}


@pytest.fixture
def config(tmp_path, tiny_bert):
    """Two shards of the five videos of WORLD, and a list of them and one that is in no shard."""
    ids = list(WORLD)
    plan = {0: ids[:3], 1: ids[3:]}
    starts = {name: np.array(WORLD[name][1], np.float32)[:, None] for name in ids}
    video = ArraySpec("", "float16", 2)
    write_shards(
        video_prefix(tmp_path),
        "train",
        plan,
        lambda names: ((np.full((WORLD[name][0], 2), ids.index(name), np.float16),) for name in names),
        [video],
        {},
    )
    write_shards(
        f"{tmp_path}/cap.",
        "train",
        plan,
        lambda names: (
            (
                starts[n] + [[0, 1]],
                np.where(np.arange(4) < 1, ids.index(n), -1).repeat(len(starts[n])).reshape(4, -1).T,
            )
            for n in names
        ),
        [ArraySpec(".startends", "float32", 2), ArraySpec(".caps_ids", "int32", 4)],
        {},
    )
    (tmp_path / "train.lst").write_text("last\ngood\n\nlate\nmute\nblind\nelsewhere\n")
    return DatasetConfig(
        split="train",
        bert_name=str(tiny_bert),
        train_path=str(tmp_path / "train.lst"),
        vfeat_dir=str(tmp_path),
        tfeat_dir=f"{tmp_path}/cap.",
    )


def test_videos_that_give_no_clip_are_left_out_and_recorded(config, tmp_path):
    meta = ShardedHow2MetaProcessor(config)
    assert [video for video, _ in meta] == [("last", 0, 1, 1), ("good", 1, 0, 0)]
    assert meta.dropped == {
        f"in no shard of {tmp_path}": ["elsewhere"],
        NO_CAPTION: ["late", "mute"],
        NO_VIDEO: ["blind"],
    }


def test_a_video_and_its_captions_come_from_the_same_place(config):
    for video, text in ShardedHow2MetaProcessor(config):
        mark = list(WORLD).index(video.video_id)
        seconds, starts = WORLD[video.video_id]
        assert ShardedVideoProcessor(config)(video).tolist() == [[mark, mark]] * seconds
        captions = ShardedTextProcessor(config)(text)
        assert captions["start"].tolist() == starts
        assert captions["end"].tolist() == [start + 1 for start in starts]
        assert captions["cap"].tolist() == [[mark, -1, -1, -1]] * len(starts)


def test_the_splits_valid_and_test_read_the_val_files(legacy_config):
    section = legacy_config.dataset
    valid, test = (ShardedHow2MetaProcessor(section.replace(split=split)) for split in ("valid", "test"))
    assert list(valid) == list(test)
    assert [video.video_id for video, _ in valid] == ["v00012", "v00013"]


def test_a_caption_time_that_is_nan_is_refused_at_the_start(config, tmp_path):
    path = f"{tmp_path}/cap.train_0.startends"
    times = ShardedTensor.load(path)
    times.data[1, 1] = np.nan
    times.save(path)
    message = r"Caption 1 of video 'good' in .*cap\.train_0\.startends_data\.npy runs from 3\.0 to nan"
    with pytest.raises(DataError, match=message):
        ShardedHow2MetaProcessor(config)
    video = ShardedHow2MetaProcessor(config.replace(tfeat_dir=None))[1][1]
    with pytest.raises(DataError, match=message):
        ShardedTextProcessor(config)(video)


def test_shards_of_other_videos_are_refused(config, tmp_path):
    path = f"{tmp_path}/cap.train_1.startends"
    ShardedTensor.from_list([np.zeros((1, 2), np.float32)]).save(path)
    with pytest.raises(
        DataError, match=r"cap\.train_1\.startends has 1 items and the meta file lists 2 videos"
    ):
        ShardedHow2MetaProcessor(config)


def test_times_and_tokens_that_do_not_match_are_refused(config, tmp_path):
    path = f"{tmp_path}/cap.train_0.caps_ids"
    ShardedTensor.from_list([np.zeros((n, 4), np.int32) for n in (3, 2, 0)]).save(path)
    video = ShardedHow2MetaProcessor(config)[1][1]
    with pytest.raises(DataError, match=r"Video 'good' has 2 captions in .*startends and 3 in .*caps_ids"):
        ShardedTextProcessor(config)(video)


def test_a_list_without_shards_gives_pairs_of_ids(config, tmp_path):
    np.save(tmp_path / "good.npy", np.zeros((3, 2)))
    meta = How2MetaProcessor(config)
    assert list(meta) == [("good", "good")]
    assert list(meta.dropped.values()) == [["last", "late", "mute", "blind", "elsewhere"]]


@pytest.fixture
def captions():
    return {"v1": {"start": [0, 2.5], "end": [2, 4], "text": ["cut the onion", "onion " * 40]}}


@pytest.mark.parametrize("kind", ["pkl", "jsonl"])
def test_captions_come_from_a_file_and_long_ones_are_cut(captions, kind, tmp_path, tiny_bert):
    path = tmp_path / f"captions.{kind}"
    if kind == "pkl":
        path.write_bytes(pickle.dumps({video: json.dumps(columns) for video, columns in captions.items()}))
    else:
        path.write_text(
            "".join(json.dumps({"video_id": v, **columns}) + "\n" for v, columns in captions.items())
        )
    read = PKLJSONStrTextProcessor(DatasetConfig(bert_name=str(tiny_bert), caption_path=str(path)))
    text = read("v1")
    assert (text["start"].tolist(), text["end"].tolist()) == ([0, 2.5], [2, 4])
    # 96 characters hold "onion " 16 times.
    assert [len(tokens) for tokens in text["cap"]] == [3, 16]
    with pytest.raises(
        DataError, match=r"no video 'v2' in .*captions\.\w+, which has the captions of 1 videos"
    ):
        read("v2")


@pytest.mark.parametrize(
    ("key", "values", "message"),
    [
        ("text", ["cut", float("nan")], r"caption 1 of video 'v1' in .*captions\.pkl is nan"),
        ("start", [0, float("nan")], r"Caption 1 of video 'v1' in .*captions\.pkl runs from nan to 4"),
        ("end", [2], r"captions of video 'v1' in .* need lists .* of one length"),
        ("text", ["cut"], r"captions of video 'v1' in .* need lists .* of one length"),
    ],
)
def test_a_broken_caption_is_named_by_file_and_video(captions, key, values, message, tmp_path, tiny_bert):
    path = tmp_path / "captions.pkl"
    path.write_bytes(pickle.dumps({"v1": json.dumps({**captions["v1"], key: values})}))
    read = PKLJSONStrTextProcessor(DatasetConfig(bert_name=str(tiny_bert), caption_path=str(path)))
    with pytest.raises(DataError, match=message):
        read("v1")


def test_a_missing_prefix_or_list_is_named(config):
    with pytest.raises(ConfigError, match=r"ShardedTextProcessor needs dataset\.tfeat_dir"):
        ShardedTextProcessor(config.replace(tfeat_dir=None))
    with pytest.raises(DataError, match=r"no\.lst does not exist"):
        ShardedHow2MetaProcessor(config.replace(train_path="no.lst"))
