"""Videos become features: one vector per second, saved as ``<id>.npy``.

Comes in: a plan of videos and an encoder. Goes out: files (seconds, D) and a report of what was
done, skipped and impossible. Decoding (threads) overlaps with encoding (this thread); a batch takes
seconds of several videos; every file appears whole, so a stopped run continues where it was.
"""

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from mmpt.errors import ConfigError, DataError
from mmpt.store.decode import FrameDecoder, decode_frames
from mmpt.store.decode_pool import DecodePool, Message
from mmpt.store.npyfile import read_header
from mmpt.store.paths import VideoJob
from mmpt.utils.files import atomic_write, read_json, write_json
from mmpt.utils.logging import get_logger
from mmpt.utils.progress import progress

__all__ = ["Encoder", "ExtractionReport", "ExtractionSettings", "extract_features", "read_settings"]

Encoder = Callable[[torch.Tensor], torch.Tensor]
"""Frames in 0..1, float (B, 3, T, H, W), to vectors (B, D)."""

SETTINGS_NAME = "extraction.json"
REPORT_NAME = "extraction_report.json"

logger = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class ExtractionSettings:
    """How features are made. The first five decide what is in the files and are kept beside them."""

    extractor: str
    """Name of the encoder and its weights, for the record."""
    fps: int = 30
    """Frames per second."""
    size: int = 224
    """Height and width of a frame in pixels."""
    l2_normalize: bool = True
    """Scale every vector to length 1."""
    dtype: Literal["float16", "float32"] = "float16"
    """Numbers in the files."""
    batch_size: int = 32
    """Seconds encoded at a time."""
    decoding_threads: int = 4
    """Videos decoded at a time."""
    device: str = "cpu"
    """Where the encoder is."""
    bfloat16: bool = False
    """Encode in bfloat16: faster on new hardware, less exact."""

    def __post_init__(self) -> None:
        _check(self)

    def recorded(self) -> dict[str, Any]:
        """Return the settings that decide what is in the files."""
        return {name: asdict(self)[name] for name in ("extractor", "fps", "size", "l2_normalize", "dtype")}


@dataclass
class ExtractionReport:
    """What became of the videos."""

    done: int = 0
    """Videos whose features were made now."""
    skipped: int = 0
    """Videos whose features were there."""
    failed: dict[str, str] = field(default_factory=dict)
    """Video id -> why it has no features."""
    video_seconds: int = 0
    """Seconds of video encoded."""
    wall_seconds: float = 0.0
    """Time taken."""


def extract_features(
    jobs: Sequence[VideoJob],
    encoder: Encoder,
    settings: ExtractionSettings,
    decoder: FrameDecoder = decode_frames,
) -> ExtractionReport:
    """Make the features of all videos that have none.

    A video that cannot be used is recorded and the others go on. Beside the features stand
    ``extraction.json`` (how they are made) and ``extraction_report.json`` (this report).

    Args:
        jobs: Videos with their feature files, all in one folder.
        encoder: See :data:`Encoder`; in evaluation mode and on ``settings.device``.
        settings: How features are made.
        decoder: Turns a file into frames.

    Raises:
        ConfigError: If the folder holds features that were made in another way, or a setting is
            out of range.
    """
    report, begin = ExtractionReport(), time.perf_counter()
    if not jobs:
        return report
    folder = jobs[0].feature.parent
    todo = [job for job in jobs if not _is_whole(job.feature)]
    report.skipped = len(jobs) - len(todo)
    _record_settings(folder, settings)
    run = _Run(encoder, settings, report)
    try:
        with (
            DecodePool(
                todo,
                decoder,
                settings.fps,
                settings.size,
                settings.decoding_threads,
                capacity=2 * settings.batch_size,
            ) as pool,
            progress((), "features", total=len(todo), unit="video") as bar,
        ):
            for settled in run.over(pool):
                bar.set_postfix(seconds=report.video_seconds, failed=len(report.failed), refresh=False)
                bar.update(settled)
    finally:
        report.wall_seconds = round(time.perf_counter() - begin, 3)
        write_json(folder / REPORT_NAME, {**settings.recorded(), **asdict(report)})
    return report


def read_settings(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what ``extraction.json`` says of the features in a folder; nothing if there is none.

    Raises:
        DataError: If the file is damaged or foreign.
    """
    path = Path(folder) / SETTINGS_NAME
    settings = read_json(path) if path.exists() else {}
    if not isinstance(settings, dict):
        raise DataError(f"The file {path} does not hold the settings of an extraction: {settings!r:.80}.")
    return settings


class _Run:
    """Collects seconds to batches and vectors to files."""

    def __init__(self, encoder: Encoder, settings: ExtractionSettings, report: ExtractionReport) -> None:
        self._encoder, self._settings, self._report = encoder, settings, report
        self._batch: list[tuple[VideoJob, np.ndarray]] = []
        self._rows: dict[VideoJob, list[np.ndarray]] = {}
        self._ended: list[VideoJob] = []

    def over(self, messages: Iterable[Message]) -> Iterator[int]:
        """Take all messages of the decoder; yield how many videos each settles."""
        for job, message in messages:
            yield self._take(job, message)
        yield self._flush()

    def _take(self, job: VideoJob, message: np.ndarray | DataError | None) -> int:
        if isinstance(message, DataError):
            self._batch = [(other, second) for other, second in self._batch if other != job]
            self._rows.pop(job, None)
            self._report.failed[job.video_id] = str(message)
            return 1
        if message is None:
            self._ended.append(job)
        else:
            self._batch.append((job, message))
        return self._flush() if len(self._batch) in (0, self._settings.batch_size) else 0

    def _flush(self) -> int:
        """Encode what was collected, save the videos that are over, return their number."""
        if self._batch:
            vectors = self._encode(np.stack([second for _, second in self._batch]))
            for (job, _), vector in zip(self._batch, vectors, strict=True):
                self._rows.setdefault(job, []).append(vector)
            self._report.video_seconds += len(self._batch)
            self._batch = []
        settled, self._ended = self._ended, []
        for job in settled:
            self._save(job, np.stack(self._rows.pop(job)))
        return len(settled)

    def _encode(self, seconds: np.ndarray) -> np.ndarray:
        settings = self._settings
        with (
            torch.inference_mode(),
            torch.autocast(torch.device(settings.device).type, torch.bfloat16, enabled=settings.bfloat16),
        ):
            # (B, T, H, W, 3) seen as (B, 3, T, H, W) is what torch calls channels_last_3d: no copy.
            frames = torch.from_numpy(seconds).to(settings.device).permute(0, 4, 1, 2, 3)
            vectors = self._encoder(frames.float().div_(255)).float()
            if settings.l2_normalize:
                vectors = torch.nn.functional.normalize(vectors, dim=1)
            return vectors.cpu().numpy().astype(settings.dtype)

    def _save(self, job: VideoJob, vectors: np.ndarray) -> None:
        if not np.isfinite(vectors).all():
            self._report.failed[job.video_id] = f"The encoder gave NaN or infinity for {job.video}."
            return
        with atomic_write(job.feature) as stream:
            np.save(stream, vectors)
        self._report.done += 1


def _check(settings: ExtractionSettings) -> None:
    numbers = {name: getattr(settings, name) for name in ("fps", "size", "batch_size", "decoding_threads")}
    wrong = {name: value for name, value in numbers.items() if value < 1}
    if wrong or settings.fps % 2 or settings.size % 2:
        raise ConfigError(
            f"All of {json.dumps(numbers)} must be positive, and fps and size even, because the encoder "
            "folds two frames and two pixels into one."
        )


def _is_whole(path: Path) -> bool:
    try:
        return bool(read_header(path).shape)
    except DataError:
        return False


def _record_settings(folder: Path, settings: ExtractionSettings) -> None:
    """Keep how the features are made; refuse to mix two ways in one folder."""
    now, before = settings.recorded(), read_settings(folder)
    if not any(folder.glob("*.npy")):
        write_json(folder / SETTINGS_NAME, now)
    elif not before:
        logger.warning("The folder %s holds features of unknown making; they are kept.", folder)
    elif before != now:
        changes = [
            f"{name} {before.get(name)!r}, now {now[name]!r}" for name in now if before.get(name) != now[name]
        ]
        raise ConfigError(
            f"The folder {folder} holds features made with other settings ({'; '.join(changes)}). "
            "Choose another folder, or the same settings."
        )
