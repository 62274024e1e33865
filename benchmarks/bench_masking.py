"""Masked clips per second out of shards: all clips of a video at once against position by position.

Settings of VLM's pre-training: 32 clips a video, up to 32 seconds and 96 tokens, half of them with a
whole modality masked, one process. Both ways draw the same clips; processor time counts, the best of
many short rounds. Run: python -m benchmarks.bench_masking
"""

import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.bench_loader import VIDEOS, write_world
from mmpt.datasets import MMDataset, build_dataset
from mmpt.types import IGNORED
from mmpt.utils.tokenizer import load_tokenizer

CLIPS, ROUNDS, NAIVE_VIDEOS = 32, 15, 8
FRAMES, WORDS, WHOLE = 0.15, 0.15, 0.5


def naive_item(dataset: MMDataset, index: int, tokenizer: Any) -> dict[str, Any]:
    """Return an item of unmasked clips with masks drawn one position at a time."""
    example: dict[str, Any] = dict(dataset[index])
    draw = random.Random(index)
    special = set(tokenizer.all_special_ids)
    masked = [
        naive_clip(draw, caps, vmasks, special, tokenizer)
        for caps, vmasks in zip(example["caps"].tolist(), example["vmasks"].tolist(), strict=True)
    ]
    caps, text_label, video_label = zip(*masked, strict=True)
    return {
        **example,
        "caps": torch.tensor(caps),
        "text_label": torch.tensor(text_label),
        "video_label": torch.tensor(video_label),
    }


def naive_clip(
    draw: random.Random, caps: list[int], vmasks: list[bool], special: set[int], tokenizer: Any
) -> tuple[list[int], list[int], list[bool]]:
    """Return masked tokens, their labels and the labels of the seconds of one clip."""
    whole = draw.random() < WHOLE
    hide_text = whole and draw.random() < 0.5
    words, labels = list(caps), [IGNORED] * len(caps)
    for place, token in enumerate(caps):
        if token in special or (whole and not hide_text):
            continue
        if hide_text or draw.random() < WORDS:
            labels[place] = token
            fate = draw.random()
            if hide_text or fate < 0.8:
                words[place] = tokenizer.mask_token_id
            elif fate < 0.9:
                words[place] = draw.randrange(len(tokenizer))
    frames = [real and not hide_text and (whole or draw.random() < FRAMES) for real in vmasks]
    return words, labels, frames


def run() -> list[tuple[str, float, str, float]]:
    """Return (name, value, unit, times the naive way)."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        config = write_world(Path(folder))
        tokenizer = load_tokenizer(config.dataset.bert_name)

        def dataset(aligner: str, **changes: Any) -> MMDataset:
            section = config.dataset.replace(aligner=aligner, subsampling=CLIPS, **changes)
            return build_dataset(config.replace(dataset=section), "train")

        plain = dataset("VariedLenAligner")
        masking = {"mm_prob": WHOLE, "lazy_vfeat_mask": True}
        ways: dict[str, tuple[int, Callable[[int], object]]] = {
            "position by position": (NAIVE_VIDEOS, lambda index: naive_item(plain, index, tokenizer)),
            "MFMMLMAligner": (VIDEOS, dataset("MFMMLMAligner", **masking).__getitem__),
            "MFMMLMAligner, textgen": (
                VIDEOS,
                dataset("MFMMLMAligner", mm_type="textgen", **masking).__getitem__,
            ),
            "not masked": (VIDEOS, plain.__getitem__),
        }
        np.ones(16 << 20, dtype=np.uint8)  # see bench_loader
        speed = dict.fromkeys(ways, 0.0)
        for _ in range(ROUNDS):
            for name, (videos, way) in ways.items():
                begin = time.process_time()
                for index in range(videos):
                    way(index)
                speed[name] = max(speed[name], videos * CLIPS / (time.process_time() - begin))
    slow = speed["position by position"]
    return [
        (f"masked clips from shards: {name}", value, "clips/s", value / slow) for name, value in speed.items()
    ]


if __name__ == "__main__":
    for name, value, unit, ratio in run():
        print(f"{name:60s} {value:12,.0f} {unit} {ratio:7.1f}x")
