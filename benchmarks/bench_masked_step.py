"""Clips per second and peak memory of a training step of VLM (masked token modelling).

12 layers of BERT base, 32 seconds, 64 text tokens: forward, MTM, backward, AdamW; 16 clips on a CPU, 128
on a GPU. Lengths are 8 to 64 words and 3 to 32 seconds; half of the clips have 15 % of frames and words
masked, a quarter all words, a quarter all frames. "Plain" scores every position, padding too, against
the vocabulary and all frames of the batch (benchmarks/naive_masked.py); it gives the same loss.
Every variant runs in a process of its own; the fastest step counts. Run: python -m benchmarks.run masked_step
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

from benchmarks.naive_masked import mtm_loss
from mmpt.config import DatasetConfig, ModelConfig, TaskConfig
from mmpt.losses import MTM
from mmpt.models import build_model
from mmpt.types import IGNORED

CLIPS = {"cpu": 16, "cuda": 128}
SECONDS, TOKENS, WIDTH, VOCABULARY, MASK = 32, 64, 512, 30522, 103
VARIANTS = ("plain", "masked positions only", "and padding removed")
PRECISIONS = {"cpu": ("fp32",), "cuda": ("fp32", "bf16")}
STEPS = 3  # the first step of a process warms up and does not count

Measured = tuple[list[float], float, float]
"""Seconds of each step, peak memory in GB, and that before the first step."""


def realistic_batch(clips: int, seed: int) -> dict[str, torch.Tensor]:
    """Return model inputs and labels."""
    draw = torch.Generator().manual_seed(seed)
    vmasks = torch.arange(SECONDS) < torch.randint(3, SECONDS + 1, (clips, 1), generator=draw)
    words = torch.randint(8, 65, (clips, 1), generator=draw).clamp(max=TOKENS - 3)
    place = torch.arange(TOKENS)
    cmasks, is_word = place < words + 3, (place > 1) & (place < words + 2)
    original = torch.randint(1000, VOCABULARY, (clips, TOKENS), generator=draw) * cmasks
    kind = torch.arange(clips)[:, None] % 4  # 2: all words, 3: all frames
    some = torch.rand(clips, SECONDS + TOKENS, generator=draw) < 0.15
    masked_words = is_word & torch.where(kind < 2, some[:, SECONDS:], kind == 2)
    return {
        "caps": original.masked_fill(masked_words, MASK),
        "cmasks": cmasks,
        "vfeats": torch.randn(clips, SECONDS, WIDTH, generator=draw) * vmasks[..., None],
        "vmasks": vmasks,
        "video_label": vmasks & torch.where(kind < 2, some[:, :SECONDS], kind == 3),
        "text_label": original.masked_fill(~masked_words, IGNORED),
    }


def paper_model(remove_padding: bool) -> torch.nn.Module:
    """Return VLM with random weights; a bare BertConfig is BERT base."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text('{"model_type": "bert"}')
        model = ModelConfig(model_cls="MMFusionMTM", remove_padding=remove_padding)
        dataset = DatasetConfig(bert_name=folder, max_video_len=SECONDS, max_len=SECONDS + TOKENS)
        return build_model(TaskConfig(dataset=dataset, model=model), pretrained=False)


def measure(device: str, precision: str, variant: str) -> Measured:
    """Return the times of the steps in seconds, the peak memory and that before, of this process."""
    torch.manual_seed(0)
    model, loss_of = paper_model(variant == VARIANTS[2]).to(device), MTM()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
    times, before = [], memory(device)
    for step in range(STEPS):
        batch = {name: tensor.to(device) for name, tensor in realistic_batch(CLIPS[device], step).items()}
        begin = time.perf_counter()
        with torch.autocast(device, torch.bfloat16, enabled=precision == "bf16"):
            if variant == VARIANTS[0]:
                loss = mtm_loss(model, **batch)
            else:
                labels = {name: batch[name] for name in ("video_label", "text_label")}
                loss = loss_of(**model(**batch), **labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        loss.item()  # waits for the GPU
        times.append(time.perf_counter() - begin)
    return times[1:], memory(device), before


def memory(device: str) -> float:
    """Return the most memory that was used so far, in GB."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def in_own_process(*variant: str) -> Measured:
    """Return what :func:`measure` returns, measured in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.bench_masked_step", *variant]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, stdout=subprocess.PIPE, env=environment, check=True)
    return json.loads(done.stdout)


def run() -> list[tuple[str, float, str, float]]:
    """Return (name, value, unit, times the value of the plain fp32 step on the same device)."""
    rows = []
    for device in ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]:
        found: dict[str, tuple[float, float]] = {}
        for precision in PRECISIONS[device]:
            for variant in VARIANTS:
                times, peak, before = in_own_process(device, precision, variant)
                name = f"VLM training step, {device}, {precision}, {variant}"
                found[name] = CLIPS[device] / min(times), peak - before
        plain_speed, plain_memory = next(iter(found.values()))
        for name, (speed, used) in found.items():
            rows.append((name, speed, "clips/s", speed / plain_speed))
            rows.append((f"{name}, memory of the steps", used, "GB", used / plain_memory))
    return rows


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(*sys.argv[1:])))
    else:
        for name, value, unit, ratio in run():
            print(f"{name:75s} {value:8.2f} {unit:8s} {ratio:5.2f}x")
