"""Texts and videos per second of MMPTModel on a CPU: 32 at a time, beside one by one.

VideoCLIP at the size of the paper (BERT base, 6 video and 12 text layers, random weights). Batches pay
where an item is little work: its time is that of reading 85 million weights and of starting some
hundred operations. 61 words, or 32 seconds, are matrices of 64 and 34 rows, which already come to two
thirds and a third of what the cores can do in float32; then only fewer rows (no padding) or smaller
numbers (bfloat16) help. A second of frames is 70 GFLOP of S3D, which uses a core for each. "padded" is
a plain batch, "bfloat16" is autocast. The ways run in turns, and the best of each counts.
Run: python -m benchmarks.bench_encode
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.bench_s3d import build as build_s3d
from benchmarks.paper import VOCABULARY, WIDTH, paper_model
from mmpt.config import ModelConfig
from mmpt.encoders import EncoderSpec
from mmpt.encoders.s3d_cpu import ClipS3D
from mmpt.encoders.s3d_encoder import S3DEncoder
from mmpt.models import MMPTModel

ITEMS, BATCH, ROUNDS = 32, 32, 2
CLIPS = 4  # of frames, which take long
ONE, TOGETHER = "one by one", f"{BATCH} at a time"
PADDED, BFLOAT16 = f"{TOGETHER}, padded", f"{TOGETHER}, bfloat16"
WAYS = (ONE, TOGETHER, PADDED, BFLOAT16)


def model_in_use() -> MMPTModel:
    """Return VideoCLIP and S3D with random weights, and a tokenizer of the words w5, w6, ..."""
    section = ModelConfig(
        model_cls="MMFusionSeparate", video_encoder_cls="MMBertForEncoder", text_encoder_cls="BertModel"
    )
    network = paper_model(section)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"w{n}" for n in range(5, VOCABULARY))]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text('{"model_type": "bert"}')
        (Path(folder) / "vocab.txt").write_text("\n".join(words))
        config = network.config.replace(dataset=network.config.dataset.replace(bert_name=folder))
        spec = EncoderSpec(name="s3d", dim=WIDTH, fps=30, size=224, clipwise=True)
        return MMPTModel(config, network, S3DEncoder(ClipS3D(build_s3d()), spec)).eval()


def lengths(least: int, most: int) -> list[int]:
    """Return random lengths from ``least`` to ``most``."""
    draw = torch.Generator().manual_seed(0)
    return torch.randint(least, most + 1, (ITEMS,), generator=draw).tolist()


def texts(least: int, most: int) -> list[str]:
    return [" ".join(f"w{5 + 7 * n}" for n in range(count)) for count in lengths(least, most)]


def features(least: int, most: int) -> list[torch.Tensor]:
    return [torch.randn(count, WIDTH) for count in lengths(least, most)]


def speeds(
    model: MMPTModel, encode: Callable[..., torch.Tensor], items: list[Any], ways: Sequence[str] = WAYS
) -> dict[str, float]:
    """Return items per second of each way."""
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(ROUNDS):
        for way in ways:
            network = model.config.model.replace(remove_padding=way != PADDED)
            model.model.config = model.config.replace(model=network)
            size = 1 if way == ONE else BATCH
            begin = time.perf_counter()
            with torch.autocast("cpu", torch.bfloat16, enabled=way == BFLOAT16):
                for start in range(0, len(items), size):
                    encode(items[start : start + size])
            best[way] = min(best[way], time.perf_counter() - begin)
    return {way: len(items) / seconds for way, seconds in best.items()}


def run() -> list[tuple[str, float, str, float]]:
    """Return (name, value, unit, times one by one)."""
    torch.manual_seed(0)
    model = model_in_use()
    video, text = model.encode_video, model.encode_text
    frames = list(torch.randint(0, 256, (CLIPS, 1, 30, 224, 224, 3), dtype=torch.uint8))
    rows = []
    for name, unit, found in (
        ("texts of 4 to 12 words", "texts/s", speeds(model, text, texts(4, 12))),
        ("texts of 61 words", "texts/s", speeds(model, text, texts(61, 61))),
        ("features, 1 to 8 s", "videos/s", speeds(model, video, features(1, 8))),
        ("features, 3 to 32 s", "videos/s", speeds(model, video, features(3, 32))),
        ("features, 32 s", "videos/s", speeds(model, video, features(32, 32))),
        ("frames, 1 s", "videos/s", speeds(model, video, frames, (ONE, TOGETHER))),
    ):
        rows += [(f"{name}, {way}", speed, unit, speed / found[ONE]) for way, speed in found.items()]
    return rows


if __name__ == "__main__":
    for name, value, unit, ratio in run():
        print(f"{name:45s} {value:8.2f} {unit:8s} {ratio:5.2f}x")
