"""Scenes become H.264 files: parallel, resumable, nothing half-written."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmpt.demo.render import FPS, Camera
from mmpt.demo.scene import Scene
from mmpt.utils.files import atomic_write
from mmpt.utils.optional import require
from mmpt.utils.parallel import core_count
from mmpt.utils.progress import progress

__all__ = ["SIZE", "RenderJob", "write_video", "write_videos"]

SIZE = 128
"""Width and height of the files in pixels."""


@dataclass(frozen=True)
class RenderJob:
    """One file to write: a scene, or the part ``start..end`` (seconds) of it."""

    path: Path
    scene: Scene
    start: float = 0.0
    end: float | None = None


def write_video(job: RenderJob, size: int = SIZE) -> Path:
    """Render a scene to an MP4 file (H.264, 10 frames/s, yuv420p); an existing file is kept.

    Raises:
        MissingDependencyError: If PyAV is not installed.
    """
    if job.path.is_file():
        return job.path
    av = require("av", "extract", "write videos")
    with atomic_write(job.path) as file, av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width = stream.height = size
        stream.pix_fmt = "yuv420p"
        # No time stamps in the file and one thread: the same scene gives the same bytes.
        stream.options = {"preset": "veryfast", "crf": "23", "threads": "1"}
        _encode(av, container, stream, job, size)
    return job.path


def _encode(av: Any, container: Any, stream: Any, job: RenderJob, size: int) -> None:
    camera, rng = Camera(job.scene, size), np.random.default_rng(job.scene.look_seed)
    end = job.scene.duration if job.end is None else job.end
    for k in range(max(1, round((end - job.start) * FPS))):
        image = camera.frame(job.start + k / FPS, rng)
        for packet in stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")):
            container.mux(packet)
    for packet in stream.encode():
        container.mux(packet)


def write_videos(jobs: Sequence[RenderJob], workers: int | None = None) -> None:
    """Write all files that do not exist yet, on ``workers`` processes (default: all cores)."""
    missing = [job for job in jobs if not job.path.is_file()]
    if not missing:
        return
    with ProcessPoolExecutor(workers or core_count()) as pool:
        futures = [pool.submit(write_video, job) for job in missing]
        try:
            for future in progress(as_completed(futures), "render videos", len(futures), "video"):
                future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
