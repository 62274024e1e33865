"""S3D clips per second: the module, folded, channels last, ours; and how far each is from the module.

The published network (width 1, random weights, seeded) on clips of 30 frames of 224 x 224, a clip for
each core, 32 on a GPU, one process, interleaved rounds, the best counts. The error is that of
``video_embedding``, relative to its length, against the module in float32.
Run: python -m benchmarks.bench_s3d
"""

import os
import time
from collections.abc import Callable

import torch
from torch import nn

from mmpt.encoders.s3d import S3D
from mmpt.encoders.s3d_cpu import ClipS3D
from mmpt.encoders.s3d_encoder import BatchS3D
from mmpt.encoders.s3d_folding import fold_batchnorm

FRAMES, SIZE, ROUNDS, GPU_CLIPS = 30, 224, 3, 32
GFLOP = 70.5
"""Per clip: twice the multiplications of all convolutions."""

Way = Callable[[torch.Tensor], torch.Tensor]


def build() -> S3D:
    """Return the published network with weights that keep the size of activations."""
    torch.manual_seed(0)
    network = S3D(text_module=False).eval()
    for module in network.modules():
        if isinstance(module, nn.Conv3d):
            nn.init.kaiming_normal_(module.weight)
        elif isinstance(module, nn.BatchNorm3d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return network


def on_floats(network: nn.Module, channels_last: bool, dtype: torch.dtype = torch.float32) -> Way:
    """Return the usual way: bytes to floats in 0..1, colours in front, the network."""

    def run(frames: torch.Tensor) -> torch.Tensor:
        video = (frames.to(dtype) / 255).permute(0, 4, 1, 2, 3)
        return network(video if channels_last else video.contiguous())["video_embedding"]

    return run


def ways(network: S3D) -> dict[str, Way]:
    bfloat16 = torch.bfloat16
    folded = fold_batchnorm(network)
    batch, batch16 = BatchS3D(network), BatchS3D(network, bfloat16)
    clip, clip16 = ClipS3D(network), ClipS3D(network, bfloat16)
    found: dict[str, Way] = {
        "the module, float32": on_floats(network, channels_last=False),
        "folded, float32": on_floats(folded, channels_last=False),
        "folded, channels last, float32": lambda frames: batch(frames)["video_embedding"],
        "folded, channels last, bfloat16": lambda frames: batch16(frames)["video_embedding"],
        "ours, float32": lambda frames: clip(frames)["video_embedding"],
        "ours, bfloat16": lambda frames: clip16(frames)["video_embedding"],
    }
    return found


def gpu_ways(network: S3D) -> dict[str, Way]:
    """As :func:`ways`, of a network on a GPU: what ``build_s3d`` makes there, and compiled."""
    batch, batch16 = BatchS3D(network), BatchS3D(network, torch.bfloat16)
    compiled = BatchS3D(network, torch.bfloat16, compiled=True)
    return {
        "the module, float32": on_floats(network, channels_last=False),
        "ours, float32": lambda frames: batch(frames)["video_embedding"],
        "ours, bfloat16": lambda frames: batch16(frames)["video_embedding"],
        "ours, bfloat16, compiled": lambda frames: compiled(frames)["video_embedding"],
    }


def run() -> list[tuple[str, float, str, str]]:
    """Return (name, value, unit, times the module and error)."""
    cores, network = len(os.sched_getaffinity(0)), build()
    torch.set_num_threads(cores)
    with torch.inference_mode():
        rows = measure("S3D", ways(network), random_clips(cores))
        if torch.cuda.is_available():
            rows += measure("S3D on a GPU", gpu_ways(network.cuda()), random_clips(GPU_CLIPS).cuda())
    return rows


def random_clips(count: int) -> torch.Tensor:
    draw = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (count, FRAMES, SIZE, SIZE, 3), dtype=torch.uint8, generator=draw)


def measure(title: str, tried: dict[str, Way], frames: torch.Tensor) -> list[tuple[str, float, str, str]]:
    seconds: dict[str, float] = {}
    vectors: dict[str, torch.Tensor] = {}
    for _ in range(ROUNDS):
        for name, way in tried.items():
            begin = time.perf_counter()
            vectors[name] = way(frames).float().cpu()  # waits for the GPU
            seconds[name] = min(seconds.get(name, 1e9), time.perf_counter() - begin)
    first, clips = next(iter(tried)), len(frames)
    rows = []
    for name, took in seconds.items():
        error = ((vectors[name] - vectors[first]).norm() / vectors[first].norm()).item()
        beside = f"{seconds[first] / took:.2f}×, error {error:.1e}, {GFLOP * clips / took:,.0f} GFLOP/s"
        rows.append((f"{title}: {name}", clips / took, "clips/s", beside))
    return rows


if __name__ == "__main__":
    for name, value, unit, beside in run():
        print(f"{name:40s} {value:8.2f} {unit}  {beside}")
