"""Pairs per second and peak memory of a training step of VideoCLIP at the size of the paper.

12 text and 6 video layers of BERT base, 32 seconds, 64 text tokens, 16 pairs: forward, MMContraLoss,
backward, AdamW. Lengths are those that OverlappedAligner draws: 8 to 64 words, 3 to 32 seconds.
"fp32 oneDNN" is ``torch.set_float32_matmul_precision("medium")``: full precision on a CPU without
bfloat16 tiles, bfloat16 products on one with them, TF32 on a GPU; "bf16" is autocast.
Every variant runs in a process of its own, in turns. Run: python -m benchmarks.bench_train_step
"""

import statistics
import time

import torch

from benchmarks.paper import devices, in_own_process, paper_model, peak_memory, realistic_batch
from mmpt.config import ModelConfig
from mmpt.losses import MMContraLoss

PAIRS = 16
PRECISIONS = ("fp32", "fp32 oneDNN", "bf16")
PADDING = ("padded", "padding removed")
ROUNDS, STEPS = 2, 4  # the first step of a process warms up and does not count

Measured = tuple[list[float], float]
"""Seconds of each step, and the peak memory in GB."""


def measure(device: str, precision: str, padding: str) -> Measured:
    """Return the times of the steps in seconds and the peak memory in GB, of this process."""
    torch.manual_seed(0)
    if precision == "fp32 oneDNN":
        torch.set_float32_matmul_precision("medium")
    chosen = ModelConfig(
        model_cls="MMFusionSeparate",
        video_encoder_cls="MMBertForEncoder",
        text_encoder_cls="BertModel",
        remove_padding=padding == "padding removed",
    )
    model, loss_of = paper_model(chosen).to(device), MMContraLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
    times = []
    for step in range(STEPS):
        batch = {name: tensor.to(device) for name, tensor in realistic_batch(PAIRS, step).items()}
        begin = time.perf_counter()
        with torch.autocast(device, torch.bfloat16, enabled=precision == "bf16"):
            outputs = model(**batch)
            loss = loss_of(pooled_video=outputs["pooled_video"], pooled_text=outputs["pooled_text"])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        loss.item()  # waits for the GPU
        times.append(time.perf_counter() - begin)
    return times[1:], peak_memory(device)


def run() -> list[tuple[str, float, str, float]]:
    """Return (name, value, unit, times the value of the padded fp32 step on the same device)."""
    rows = []
    for device in devices():
        variants = [(device, precision, padding) for precision in PRECISIONS for padding in PADDING]
        found: dict[tuple[str, ...], list[Measured]] = {variant: [] for variant in variants}
        for _ in range(ROUNDS):
            for variant in variants:
                found[variant].append(in_own_process(measure, *variant))
        speed = {
            v: PAIRS / statistics.median(t for times, _ in runs for t in times) for v, runs in found.items()
        }
        memory = {variant: max(peak for _, peak in runs) for variant, runs in found.items()}
        for variant in variants:
            name = f"VideoCLIP training step, {', '.join(variant)}"
            rows.append((name, speed[variant], "pairs/s", speed[variant] / speed[variants[0]]))
            rows.append(
                (f"{name}, peak memory", memory[variant], "GB", memory[variant] / memory[variants[0]])
            )
    return rows


if __name__ == "__main__":
    for name, value, unit, ratio in run():
        print(f"{name:75s} {value:8.2f} {unit:8s} {ratio:5.2f}x")
