"""Frames per second of decoding: whole pictures, 224 x 224 squares, threads and processes.

The videos are made here: a texture that moves, H.264 at 360p (as in HowTo100M) and at 1080p. One thread a
video. Single ways count processor time; threads and processes, several videos at a time with a second each
handed over, count wall time, best of the rounds in turns. The plain way turns every picture into RGB as it is
and lets Pillow scale it. Run: python -m benchmarks.bench_decode
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
from PIL import Image

from mmpt.store.decode import FrameDecoder, decode_frames
from mmpt.store.decode_pool import DecodePool
from mmpt.store.decode_process import ProcessDecoder
from mmpt.store.paths import VideoJob

FPS, SIZE = 30, 224
SHAPES = {"360p": (360, 640, 150), "1080p": (1080, 1920, 30)}
ROUNDS = 3
COPIES = 3
"""Videos for each decoder of a pool."""

Row = tuple[str, float, str, float | str | None]


def write_texture(path: Path, height: int, width: int, frames: int) -> Path:
    """Write a video of a smooth texture that moves, with a little noise."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 18, (height // 20, width // 20, 3), dtype=np.uint8)
    texture = np.asarray(
        Image.fromarray(coarse).resize((width + 2 * frames, height + frames), Image.Resampling.BICUBIC)
    )
    grain = rng.integers(0, 18, (height, width, 1), dtype=np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "veryfast"})
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        for number in range(frames):
            picture = texture[number : number + height, 2 * number : 2 * number + width] // 2
            picture = picture + np.roll(grain, 7 * number, axis=1)
            container.mux(
                stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24"))
            )
        container.mux(stream.encode())
    return path


def whole_pictures(path: Path) -> int:
    """Decode and do nothing else: what FFmpeg takes."""
    with av.open(str(path)) as container:
        container.streams.video[0].codec_context.thread_count = 1
        return sum(1 for _ in container.decode(video=0))


def plain(path: Path) -> Iterator[np.ndarray]:
    """Decode to RGB, scale with Pillow, cut the middle out."""
    with av.open(str(path)) as container:
        container.streams.video[0].codec_context.thread_count = 1
        for frame in container.decode(video=0):
            picture = Image.fromarray(frame.to_ndarray(format="rgb24"))
            factor = SIZE / min(picture.size)
            wide, high = (round(side * factor) for side in picture.size)
            scaled = np.asarray(picture.resize((wide, high), Image.Resampling.BICUBIC))
            top, left = (high - SIZE) // 2, (wide - SIZE) // 2
            yield scaled[top : top + SIZE, left : left + SIZE]


def processor_seconds(work: Callable[[], int]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def pool_rate(decoder: FrameDecoder, path: Path, workers: int) -> float:
    """Return the frames per second of a pool; its processes have been started."""
    jobs = [VideoJob(str(number), path, path) for number in range(workers * COPIES)]
    begin, seconds = time.perf_counter(), 0
    with DecodePool(jobs, decoder, FPS, SIZE, workers, capacity=64) as pool:
        seconds = sum(isinstance(message, np.ndarray) for _, message in pool)
    return seconds * FPS / (time.perf_counter() - begin)


def rows_of(name: str, path: Path, frames: int) -> Iterator[Row]:
    ways: dict[str, Callable[[], int]] = {
        "whole pictures": lambda: whole_pictures(path),
        "squares, plain": lambda: sum(1 for _ in plain(path)),
        "squares, decode_frames": lambda: sum(1 for _ in decode_frames(path, FPS, SIZE)),
    }
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(ROUNDS):
        for way, work in ways.items():
            best[way] = min(best[way], processor_seconds(work))
    megabits = path.stat().st_size * 8e-6 * FPS / frames
    for way, seconds in best.items():
        compared = best["squares, plain"] / seconds if "squares" in way else f"{megabits:.1f} Mbit/s"
        yield f"{name}, {way}, one core", frames / seconds, "frames/s", compared


def pool_rows(name: str, path: Path, workers: int) -> Iterator[Row]:
    with ProcessDecoder() as processes:
        decoders: dict[str, FrameDecoder] = {"threads": decode_frames, "processes": processes}
        pool_rate(processes, path, workers)  # starts them
        best = dict.fromkeys(decoders, 0.0)
        for _ in range(ROUNDS):
            for kind, decoder in decoders.items():
                best[kind] = max(best[kind], pool_rate(decoder, path, workers))
    for kind, rate in best.items():
        yield f"{name}, squares, {workers} {kind}", rate, "frames/s", rate / best["threads"]


def run() -> list[Row]:
    """Return (name, value, unit, comparison)."""
    rows: list[Row] = []
    workers = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        for name, (height, width, frames) in SHAPES.items():
            path = write_texture(Path(folder) / f"{name}.mp4", height, width, frames)
            rows += rows_of(name, path, frames)
            rows += pool_rows(name, path, workers)
        begin = time.perf_counter()
        with ProcessDecoder() as processes:
            next(processes(path, FPS, SIZE))
        rows.append(("start of a decoding process", time.perf_counter() - begin, "s", None))
    return rows


if __name__ == "__main__":
    for what, value, unit, compared in run():
        print(f"{what:50s} {value:10.4g} {unit:10s} {compared}")
