"""Clips per second out of shards: the toolkit's loader against one that opens the files per item.

Settings of VideoCLIP's pre-training: 16 clips a video, up to 32 seconds and 96 tokens, one process.
The variants run in turns over the same videos. Processor time is counted and the best of many short
rounds taken, so that other work on the machine plays no part; files are in memory.
Run: python -m benchmarks.bench_loader
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from benchmarks.naive_loader import overlapped_item
from mmpt.config import DatasetConfig, TaskConfig
from mmpt.datasets import MMDataset, build_dataset
from mmpt.store.meta import ArraySpec, caption_arrays, video_prefix
from mmpt.store.shard_writer import plan_shards, write_shards

VIDEOS, SECONDS, CAPTIONS, WIDTH, CLIPS = 64, 600, 100, 512, 16
SHARD_SIZE = 32
ROUNDS = 25
TINY_BERT = Path(__file__).parent.parent / "tests" / "golden" / "bert"


def write_world(folder: Path, videos: int = VIDEOS, seconds: int = SECONDS) -> TaskConfig:
    """Write shards of random videos and captions of 8 to 12 tokens; return the task that reads them."""
    rng = np.random.default_rng(0)
    ids = [f"video{number:04d}" for number in range(videos)]
    plan = plan_shards(ids, SHARD_SIZE)
    tfeat_dir = f"{folder}/caption.bert."
    write_shards(
        video_prefix(folder),
        "train",
        plan,
        lambda names: (
            (rng.standard_normal((seconds, WIDTH), np.float32).astype(np.float16),) for _ in names
        ),
        [ArraySpec("", "float16", WIDTH)],
        {"extractor": "random"},
    )
    write_shards(
        tfeat_dir,
        "train",
        plan,
        lambda names: (random_captions(rng, seconds) for _ in names),
        caption_arrays(),
        {"bert_name": "bert"},
    )
    (folder / "train.lst").write_text("\n".join(ids))
    return TaskConfig(
        dataset=DatasetConfig(
            bert_name=str(TINY_BERT),
            meta_processor="ShardedHow2MetaProcessor",
            video_processor="ShardedVideoProcessor",
            text_processor="ShardedTextProcessor",
            aligner="OverlappedAligner",
            train_path=str(folder / "train.lst"),
            vfeat_dir=str(folder),
            tfeat_dir=tfeat_dir,
            subsampling=CLIPS,
            max_video_len=32,
            max_len=96,
            sampled_min_len=8,
            sampled_max_len=64,
            sampled_video_min_len=3,
            sampled_video_max_len=32,
        )
    )


def random_captions(rng: np.random.Generator, seconds: int) -> tuple[np.ndarray, np.ndarray]:
    """Return start-end times and padded token ids of one video."""
    start = np.sort(rng.uniform(0, seconds - 5, CAPTIONS))
    startends = np.stack([start, start + rng.uniform(2, 5, CAPTIONS)], axis=1).astype(np.float32)
    tokens = rng.integers(20, 150, (CAPTIONS, 32), dtype=np.int32)
    tokens[np.arange(32) >= rng.integers(8, 13, CAPTIONS)[:, None]] = -1
    return startends, tokens


def naive_item(config: TaskConfig, dataset: MMDataset, index: int) -> dict[str, torch.Tensor]:
    """Return item ``index`` the naive way."""
    section, layout = config.dataset, dataset.align_processor.layout
    video, _ = dataset.meta_processor[index]
    options = {
        "words": (section.sampled_min_len, section.sampled_max_len),
        "seconds": (section.sampled_video_min_len, section.sampled_video_max_len),
        "max_video_len": section.max_video_len,
        "max_text_len": layout.text_len,
        "special": (layout.cls_token_id, layout.sep_token_id, layout.pad_token_id),
        "clips": section.subsampling,
    }
    place = ("train", video.shard_id, video.video_idx)
    return overlapped_item((str(section.vfeat_dir), str(section.tfeat_dir)), place, options, index)


def run() -> list[tuple[str, float, str, float]]:
    """Return (name, value, unit, times the naive loader)."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        config = write_world(Path(folder))
        mapped = build_dataset(config, "train")
        section = config.dataset.replace(read_mode="pread")
        positional = build_dataset(config.replace(dataset=section), "train")
        ways: dict[str, Callable[[int], object]] = {
            "opening the files for every item": lambda index: naive_item(config, mapped, index),
            "OverlappedAligner, positional reads": positional.__getitem__,
            "OverlappedAligner, memory map": mapped.__getitem__,
        }
        # Training frees whole batches, after which the C library keeps blocks of a megabyte for the next
        # clip instead of returning each to the system. Bring every variant into that state.
        np.ones(16 << 20, dtype=np.uint8)
        times: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, way in ways.items():
                begin = time.process_time()
                for index in range(VIDEOS):
                    way(index)
                times[name].append(time.process_time() - begin)
    speed = {name: VIDEOS * CLIPS / min(runs) for name, runs in times.items()}
    slow = speed["opening the files for every item"]
    return [(f"clips from shards: {name}", value, "clips/s", value / slow) for name, value in speed.items()]


if __name__ == "__main__":
    for name, value, unit, ratio in run():
        print(f"{name:60s} {value:12,.0f} {unit} {ratio:7.1f}x")
