import numpy as np
import pytest
import torch

from mmpt.datasets import build_dataset
from mmpt.errors import ConfigError
from mmpt.processors import OverlappedAligner, ShardedHow2VideoRetriMetaProcessor, VideoRetriOverlappedAligner


@pytest.fixture
def section(legacy_config):
    return legacy_config.dataset.replace(
        split="train",
        meta_processor="ShardedHow2VideoRetriMetaProcessor",
        video_processor="ShardedVideoRetriVideoProcessor",
        text_processor="ShardedVideoRetriTextProcessor",
        aligner="VideoRetriOverlappedAligner",
        num_video_per_batch=3,
        clip_per_video=5,
        subsampling=1,
    )


def names(batch):
    return [video.video_id for video in batch[0]]


def test_batches_are_consecutive_videos(section):
    meta = ShardedHow2VideoRetriMetaProcessor(section)
    assert [names(batch) for batch in meta] == [[f"v{3 * b + i:05d}" for i in range(3)] for b in range(4)]
    assert meta.dropped == {}


def test_the_number_of_batches_is_a_multiple_of_eight_and_the_rest_is_recorded(section):
    # 12 videos one by one are 12 batches, rounded down to 8.
    meta = ShardedHow2VideoRetriMetaProcessor(section.replace(num_video_per_batch=1))
    assert len(meta) == 8
    assert meta.dropped == {"left over after 8 batches of 1 videos": [f"v{i:05d}" for i in range(8, 12)]}


def test_videos_left_over_after_the_last_full_batch_are_recorded(section):
    # 12 = 2 * 5 + 2.
    meta = ShardedHow2VideoRetriMetaProcessor(section.replace(num_video_per_batch=5))
    assert [len(batch[0]) for batch in meta] == [5, 5]
    assert meta.dropped == {"left over after 2 batches of 5 videos": ["v00010", "v00011"]}


def test_fewer_videos_than_a_batch_are_one_smaller_batch(section):
    meta = ShardedHow2VideoRetriMetaProcessor(section.replace(num_video_per_batch=32))
    assert [len(batch[0]) for batch in meta] == [12]


def test_candidates_replace_the_batches(section):
    meta = ShardedHow2VideoRetriMetaProcessor(section)
    meta.set_candidates([np.array([11, 0]), [5, 5]])
    assert [names(batch) for batch in meta] == [["v00011", "v00000"], ["v00005", "v00005"]]


@pytest.mark.parametrize("bad", [[12], [-1], []])
def test_candidates_out_of_range_are_refused(section, bad):
    with pytest.raises(ConfigError, match=r"Batch 1 of the candidates is .*positions from 0 to 11"):
        ShardedHow2VideoRetriMetaProcessor(section).set_candidates([[0], bad])


def test_one_item_holds_the_clips_of_all_its_videos(section, legacy_config):
    dataset = build_dataset(legacy_config.replace(dataset=section), "train")
    example = dataset[1]
    assert example["vfeats"].shape == (15, 8, 512)
    assert example["caps"].shape == (15, 16)
    assert example["video_id"] == [f"v{video:05d}" for video in (3, 4, 5) for _ in range(5)]
    assert dataset.collater([example])["caps"].shape == (1, 15, 16)


def test_a_list_of_videos_gives_what_its_videos_give_one_by_one(section, legacy_config):
    dataset = build_dataset(legacy_config.replace(dataset=section), "train")
    ids, _ = dataset.meta_processor[0]
    videos, texts = dataset.video_processor(ids), dataset.text_processor(ids)
    together = VideoRetriOverlappedAligner(section)(ids, videos, texts, rng=np.random.default_rng(3))
    rng, single = np.random.default_rng(3), OverlappedAligner(section)
    apart = [single(*each, rng=rng) for each in zip(ids, videos, texts, strict=True)]
    for key in together.keys() - {"video_id"}:
        assert torch.equal(together[key], torch.cat([example[key] for example in apart]))


def test_all_videos_of_a_batch_are_announced_before_they_are_read(section, legacy_config, monkeypatch):
    dataset = build_dataset(legacy_config.replace(dataset=section), "train")
    announced = []
    monkeypatch.setattr(dataset.video_processor.reader, "prefetch", lambda places: announced.extend(places))
    example = dataset.__getitems__([1])[0]
    # 4 videos a shard, 3 a batch: batch 1 holds the videos 3, 4 and 5
    assert announced == [(0, 3), (1, 0), (1, 1)]
    assert torch.equal(example["vfeats"], dataset[1]["vfeats"])
