"""Memory and time of one large contrastive batch: plain against cached gradients in chunks.

VideoCLIP at the size of the paper, 32 seconds, 64 text tokens, lengths as OverlappedAligner draws them:
forward, MMContraLoss, backward; 24 pairs on a CPU (float32), 1024 on a GPU (float32 and bfloat16). The
memory is what the step adds to the most that was used before. Both give the same loss; cached gradients
encode every pair twice. Every variant runs in its own process. Run: python -m benchmarks.bench_contrastive
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch import nn

from mmpt.config import DatasetConfig, LossConfig, ModelConfig, TaskConfig
from mmpt.losses import MMContraLoss
from mmpt.models import build_model

PAIRS = {"cpu": 24, "cuda": 1024}
CHUNKS = {"cpu": (None, 4), "cuda": (None, 256, 64)}
PRECISIONS = {"cpu": ("fp32",), "cuda": ("fp32", "bf16")}
SECONDS, TOKENS, WIDTH, VOCABULARY = 32, 64, 512, 30522
WARM_UP = 4
"""Pairs of the step before the one that counts."""

Measured = tuple[float, float]
"""Seconds of the step, and the memory that it adds in GB."""


def realistic_batch(pairs: int) -> dict[str, torch.Tensor]:
    """Return model inputs of 3 to 32 seconds and 8 to 61 words."""
    draw = torch.Generator().manual_seed(pairs)
    vmasks = torch.arange(SECONDS) < torch.randint(3, SECONDS + 1, (pairs, 1), generator=draw)
    words = torch.randint(8, 65, (pairs, 1), generator=draw).clamp(max=TOKENS - 3)
    cmasks = torch.arange(TOKENS) < words + 3
    caps = torch.randint(1000, VOCABULARY, (pairs, TOKENS), generator=draw) * cmasks
    vfeats = torch.randn(pairs, SECONDS, WIDTH, generator=draw) * vmasks[..., None]
    return {"caps": caps, "cmasks": cmasks, "vfeats": vfeats, "vmasks": vmasks}


def paper_model(chunk: int | None) -> nn.Module:
    """Return VideoCLIP with random weights; a bare BertConfig is BERT base."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text('{"model_type": "bert"}')
        config = TaskConfig(
            dataset=DatasetConfig(bert_name=folder, max_video_len=SECONDS, max_len=SECONDS + TOKENS),
            model=ModelConfig(
                model_cls="MMFusionSeparate",
                video_encoder_cls="MMBertForEncoder",
                text_encoder_cls="BertModel",
            ),
            loss=LossConfig(grad_cache_chunk=chunk),
        )
        return build_model(config, pretrained=False)


def measure(device: str, precision: str, chunk: int) -> Measured:
    """Return time and memory of one step in this process; chunk 0 stands for none."""
    torch.manual_seed(0)
    model, loss_of = paper_model(chunk or None).to(device), MMContraLoss()
    seconds = before = 0.0
    for pairs in (WARM_UP, PAIRS[device]):
        batch = {name: tensor.to(device) for name, tensor in realistic_batch(pairs).items()}
        before, begin = memory(device), time.perf_counter()
        with torch.autocast(device, torch.bfloat16, enabled=precision == "bf16"):
            outputs = model(**batch)
        loss = loss_of(outputs["pooled_video"].float(), outputs["pooled_text"].float())
        loss.backward()
        loss.item()  # waits for the GPU
        seconds = time.perf_counter() - begin
        model.zero_grad()
    return seconds, memory(device) - before


def memory(device: str) -> float:
    """Return the most memory that was used so far, in GB."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def in_own_process(device: str, precision: str, chunk: int | None) -> Measured:
    """Return what :func:`measure` returns, measured in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.bench_contrastive", device, precision, str(chunk or 0)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, stdout=subprocess.PIPE, env=environment, check=True)
    return json.loads(done.stdout)


def run() -> list[tuple[str, float, str, float]]:
    """Return (name, value, unit, times the value of the plain step)."""
    rows = []
    for device in ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]:
        for precision in PRECISIONS[device]:
            found = {chunk: in_own_process(device, precision, chunk) for chunk in CHUNKS[device]}
            plain_time, plain_memory = found[None]
            for chunk, (seconds, used) in found.items():
                way = f"chunks of {chunk}" if chunk else "plain"
                name = f"{PAIRS[device]} pairs in one batch, {device}, {precision}, {way}"
                rows.append((name, seconds, "s", seconds / plain_time))
                rows.append((f"{name}, memory of the step", used, "GB", used / plain_memory))
    return rows


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
    else:
        for name, value, unit, ratio in run():
            print(f"{name:75s} {value:8.2f} {unit:4s} {ratio:5.2f}x")
