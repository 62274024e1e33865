"""Memory and time of one large contrastive batch: plain against cached gradients in chunks.

VideoCLIP at the size of the paper, 32 seconds, 64 text tokens, lengths as OverlappedAligner draws them:
forward, MMContraLoss, backward; 24 pairs on a CPU (float32), 1024 on a GPU (float32 and bfloat16). The
memory is what the step adds to the most that was used before. Both give the same loss; cached gradients
encode every pair twice. Every variant runs in its own process. Run: python -m benchmarks.bench_contrastive
"""

import time

import torch

from benchmarks.paper import devices, in_own_process, paper_model, peak_memory, realistic_batch
from mmpt.config import LossConfig, ModelConfig
from mmpt.losses import MMContraLoss

PAIRS = {"cpu": 24, "cuda": 1024}
CHUNKS = {"cpu": (None, 4), "cuda": (None, 256, 64)}
PRECISIONS = {"cpu": ("fp32",), "cuda": ("fp32", "bf16")}
WARM_UP = 4
"""Pairs of the step before the one that counts."""

Measured = tuple[float, float]
"""Seconds of the step, and the memory that it adds in GB."""


def measure(device: str, precision: str, chunk: int | None) -> Measured:
    """Return time and memory of one step in this process."""
    torch.manual_seed(0)
    chosen = ModelConfig(
        model_cls="MMFusionSeparate", video_encoder_cls="MMBertForEncoder", text_encoder_cls="BertModel"
    )
    model, loss_of = paper_model(chosen, LossConfig(grad_cache_chunk=chunk)).to(device), MMContraLoss()
    seconds = before = 0.0
    for pairs in (WARM_UP, PAIRS[device]):
        batch = {name: tensor.to(device) for name, tensor in realistic_batch(pairs, seed=pairs).items()}
        before, begin = peak_memory(device), time.perf_counter()
        with torch.autocast(device, torch.bfloat16, enabled=precision == "bf16"):
            outputs = model(**batch)
        loss = loss_of(outputs["pooled_video"].float(), outputs["pooled_text"].float())
        loss.backward()
        loss.item()  # waits for the GPU
        seconds = time.perf_counter() - begin
        model.zero_grad()
    return seconds, peak_memory(device) - before


def run() -> list[tuple[str, float, str, float]]:
    """Return (name, value, unit, times the value of the plain step)."""
    rows = []
    for device in devices():
        for precision in PRECISIONS[device]:
            found = {chunk: in_own_process(measure, device, precision, chunk) for chunk in CHUNKS[device]}
            plain_time, plain_memory = found[None]
            for chunk, (seconds, used) in found.items():
                way = f"chunks of {chunk}" if chunk else "plain"
                name = f"{PAIRS[device]} pairs in one batch, {device}, {precision}, {way}"
                rows.append((name, seconds, "s", seconds / plain_time))
                rows.append((f"{name}, memory of the step", used, "GB", used / plain_memory))
    return rows


if __name__ == "__main__":
    for name, value, unit, ratio in run():
        print(f"{name:75s} {value:8.2f} {unit:4s} {ratio:5.2f}x")
