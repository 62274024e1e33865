import logging

import pytest
import torch
from torch.utils.data import DataLoader

from mmpt.config import DatasetConfig
from mmpt.datasets import MMDataset, build_dataset, collate
from mmpt.errors import ConfigError, DataError
from mmpt.processors import MetaProcessor


def batches(dataset, workers):
    return list(DataLoader(dataset, batch_size=5, num_workers=workers, collate_fn=dataset.collater))


def same(one, other):
    return one.keys() == other.keys() and all(
        torch.equal(one[key], other[key]) if torch.is_tensor(one[key]) else one[key] == other[key]
        for key in one
    )


@pytest.mark.parametrize("read_mode", ["mmap", "pread"])
def test_two_workers_give_the_batches_of_none(legacy_config, read_mode):
    section = legacy_config.dataset.replace(read_mode=read_mode)
    dataset = build_dataset(legacy_config.replace(dataset=section), "train", seed=7)
    dataset.set_epoch(3)
    alone, shared = batches(dataset, 0), batches(dataset, 2)
    assert len(alone) == len(shared) == 3
    assert all(same(*pair) for pair in zip(alone, shared, strict=True))


def test_a_sample_depends_on_seed_epoch_and_index_only(legacy_config):
    dataset, twin = (build_dataset(legacy_config, "train", seed=7) for _ in range(2))
    _ = [dataset[index] for index in (4, 9, 2)]  # other items first
    assert same(dataset[1], twin[1])
    other_seed = build_dataset(legacy_config, "train", seed=8)
    assert not same(dataset[1], other_seed[1])
    before = dataset[1]
    dataset.set_epoch(1)
    assert not same(before, dataset[1])
    dataset.set_epoch(0)
    assert same(before, dataset[1])


def test_a_batch_stacks_tensors_and_lists_one_id_per_clip(legacy_config):
    dataset = build_dataset(legacy_config, "train")
    batch = dataset.collater([dataset[0], dataset[11]])
    assert batch["caps"].shape == (2, 4, 16)
    assert batch["vfeats"].shape == (2, 4, 8, 512)
    assert batch["video_start"].shape == (2, 4)
    assert batch["video_id"] == ["v00000"] * 4 + ["v00011"] * 4


def test_an_aligner_may_make_the_batch_of_items_that_do_not_stack(legacy_config, monkeypatch):
    dataset = build_dataset(legacy_config, "train")
    monkeypatch.setattr(dataset.align_processor, "collate", len, raising=False)
    assert dataset.collater([dataset[0], dataset[11]]) == 2


def test_a_batch_of_single_clips_lists_one_id_per_item():
    samples = [{"caps": torch.tensor([i]), "video_id": f"v{i}"} for i in range(3)]
    batch = collate(samples)
    assert batch["caps"].tolist() == [[0], [1], [2]]
    assert batch["video_id"] == ["v0", "v1", "v2"]


class TwoVideos(MetaProcessor):
    """As users write them: a constructor with the section, the two methods, no more."""

    def __init__(self, config):
        self.config = config

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return f"v{index}", index


class Dice:
    uses_rng = True

    def __call__(self, video_id, video, text, *, rng):
        return {"caps": torch.tensor([text, rng.integers(1 << 30)]), "video_id": video_id}


def test_users_processors_work_and_only_those_that_ask_get_the_generator():
    dataset = MMDataset(
        TwoVideos(DatasetConfig()), lambda video_id: None, lambda text_id: 10 * text_id, Dice()
    )
    assert dataset.report == {"split": None, "path": None, "items": 2, "dropped": {}, "ignored": {}}
    assert [dataset[i]["caps"][0] for i in range(2)] == [0, 10]
    assert dataset[0]["caps"][1] != dataset[1]["caps"][1]


def test_what_is_left_out_is_said_once_and_kept(legacy_config, tmp_path, caplog):
    path = tmp_path / "train.lst"
    path.write_text("v00003\nnew1\nnew2\nnew3\nnew4\n")
    config = legacy_config.replace(dataset=legacy_config.dataset.replace(train_path=str(path)))
    with caplog.at_level(logging.WARNING):
        dataset = build_dataset(config, "train")
    reason = f"in no shard of {config.dataset.vfeat_dir}"
    assert dataset.report == {
        "split": "train",
        "path": str(path),
        "items": 1,
        "dropped": {reason: 4},
        "ignored": {},
    }
    assert caplog.messages == [
        f"4 entries of the split 'train' ({path}) are left out: 4 {reason} (new1, new2, new3, ...)."
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("\n", r"No item is left in the split 'train' \(.*train\.lst\)\. .*the list is empty"),
        (
            "new1\n",
            r"No item is left in the split 'train' \(.*train\.lst\)\. Left out: 1 in no shard .*\(new1\)",
        ),
    ],
)
def test_an_empty_split_is_refused(legacy_config, tmp_path, content, message):
    path = tmp_path / "train.lst"
    path.write_text(content)
    config = legacy_config.replace(dataset=legacy_config.dataset.replace(train_path=str(path)))
    with pytest.raises(DataError, match=message):
        build_dataset(config, "train")


def test_a_class_that_is_not_set_or_unknown_is_named(legacy_config):
    def config(**changes):
        return legacy_config.replace(dataset=legacy_config.dataset.replace(**changes))

    with pytest.raises(ConfigError, match=r"dataset\.aligner is not set\. Known: .*DSAligner"):
        build_dataset(config(aligner=None), "train")
    with pytest.raises(ConfigError, match=r"'OverlapedAligner'; did you mean 'OverlappedAligner'"):
        build_dataset(config(aligner="OverlapedAligner"), "train")


def test_building_does_not_change_the_configuration(legacy_config):
    build_dataset(legacy_config, "valid")
    assert legacy_config.dataset.split is None


def test_features_of_different_width_in_one_batch_name_two_videos():
    samples = [{"vfeats": torch.zeros(8, width), "video_id": f"v{width}"} for width in (512, 256)]
    with pytest.raises(
        DataError, match=r"\(8, 512\) \(video v512\) and \(8, 256\) \(video v256\).*one width"
    ):
        collate(samples)


@pytest.mark.parametrize("read_mode", ["auto", "pread"])
def test_a_batch_is_announced_before_it_is_read(legacy_config, read_mode, monkeypatch):
    section = legacy_config.dataset.replace(read_mode=read_mode)
    dataset = build_dataset(legacy_config.replace(dataset=section), "train", seed=7)
    expected = [dataset[index] for index in (3, 11, 0)]
    reader, order = dataset.video_processor.reader, []
    prefetch, read = reader.prefetch, reader.read
    monkeypatch.setattr(
        reader, "prefetch", lambda places: prefetch(seen := list(places)) or order.append(seen)
    )
    monkeypatch.setattr(reader, "read", lambda *place: order.append(place) or read(*place))
    batch = dataset.__getitems__([3, 11, 0])
    assert all(same(*pair) for pair in zip(batch, expected, strict=True))
    # 4 videos a shard: video 11 is the last of shard 2
    assert order == [[(0, 3), (2, 3), (0, 0)], (0, 3), (2, 3), (0, 0)]
