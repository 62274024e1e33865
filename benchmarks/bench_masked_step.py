"""Clips per second and peak memory of a training step of VLM (masked token modelling).

12 layers of BERT base, 32 seconds, 64 text tokens: forward, MTM, backward, AdamW; 16 clips on a CPU, 128
on a GPU. Lengths are 8 to 64 words and 3 to 32 seconds; half of the clips have 15 % of frames and words
masked, a quarter all words, a quarter all frames. "Plain" scores every position, padding too, against
the vocabulary and all frames of the batch (benchmarks/naive_masked.py); it gives the same loss.
Every variant runs in a process of its own; the fastest step counts. Run: python -m benchmarks.run masked_step
"""

import time

import torch

from benchmarks.naive_masked import mtm_loss
from benchmarks.paper import (
    SECONDS,
    TOKENS,
    devices,
    in_own_process,
    paper_model,
    peak_memory,
    realistic_batch,
)
from mmpt.config import ModelConfig
from mmpt.losses import MTM
from mmpt.types import IGNORED

CLIPS = {"cpu": 16, "cuda": 128}
MASK = 103
VARIANTS = ("plain", "masked positions only", "and padding removed")
PRECISIONS = {"cpu": ("fp32",), "cuda": ("fp32", "bf16")}
STEPS = 3  # the first step of a process warms up and does not count

Measured = tuple[list[float], float, float]
"""Seconds of each step, peak memory in GB, and that before the first step."""


def masked_batch(clips: int, seed: int) -> dict[str, torch.Tensor]:
    """Return model inputs and labels."""
    batch, draw = realistic_batch(clips, seed), torch.Generator().manual_seed(seed)
    original, cmasks, vmasks = batch["caps"], batch["cmasks"], batch["vmasks"]
    # [CLS] [SEP] words [SEP]: a word has another token behind it.
    is_word = cmasks & cmasks.roll(-1, dims=1) & (torch.arange(TOKENS) > 1)
    is_word[:, -1] = False
    kind = torch.arange(clips)[:, None] % 4  # 2: all words, 3: all frames
    some = torch.rand(clips, SECONDS + TOKENS, generator=draw) < 0.15
    masked_words = is_word & torch.where(kind < 2, some[:, SECONDS:], kind == 2)
    return {
        **batch,
        "caps": original.masked_fill(masked_words, MASK),
        "video_label": vmasks & torch.where(kind < 2, some[:, :SECONDS], kind == 3),
        "text_label": original.masked_fill(~masked_words, IGNORED),
    }


def measure(device: str, precision: str, variant: str) -> Measured:
    """Return the times of the steps in seconds, the peak memory and that before, of this process."""
    torch.manual_seed(0)
    chosen = ModelConfig(model_cls="MMFusionMTM", remove_padding=variant == VARIANTS[2])
    model, loss_of = paper_model(chosen).to(device), MTM()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
    times, before = [], peak_memory(device)
    for step in range(STEPS):
        batch = {name: tensor.to(device) for name, tensor in masked_batch(CLIPS[device], step).items()}
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
    return times[1:], peak_memory(device), before


def run() -> list[tuple[str, float, str, float]]:
    """Return (name, value, unit, times the value of the plain fp32 step on the same device)."""
    rows = []
    for device in devices():
        found: dict[str, tuple[float, float]] = {}
        for precision in PRECISIONS[device]:
            for variant in VARIANTS:
                times, peak, before = in_own_process(measure, device, precision, variant)
                name = f"VLM training step, {device}, {precision}, {variant}"
                found[name] = CLIPS[device] / min(times), peak - before
        plain_speed, plain_memory = next(iter(found.values()))
        for name, (speed, used) in found.items():
            rows.append((name, speed, "clips/s", speed / plain_speed))
            rows.append((f"{name}, memory of the steps", used, "GB", used / plain_memory))
    return rows


if __name__ == "__main__":
    for name, value, unit, ratio in run():
        print(f"{name:75s} {value:8.2f} {unit:8s} {ratio:5.2f}x")
