"""Videos become features: one vector per second, saved as ``<id>.npy``.

Comes in: a plan of videos and an encoder. Goes out: files (seconds, D) and a report of what was
done, skipped and impossible. Decoding (threads) overlaps with encoding (this thread); a batch takes
seconds of several videos; every file appears whole, so a stopped run continues where it was, and any
number of workers share a folder (see :mod:`mmpt.store.worklist`).
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch

from mmpt.errors import ConfigError, DataError
from mmpt.store.claims import Claims
from mmpt.store.decode import FrameDecoder, decode_frames
from mmpt.store.decode_pool import DecodePool, Message
from mmpt.store.encoder import EncoderSpec, VideoEncoder, encode
from mmpt.store.extraction_report import REPORT_NAME, ExtractionReport
from mmpt.store.paths import VideoJob
from mmpt.store.sources import SETTINGS_NAME, read_settings
from mmpt.store.worklist import Worklist
from mmpt.utils.counts import at_least_one
from mmpt.utils.files import write_json
from mmpt.utils.logging import get_logger
from mmpt.utils.progress import progress

__all__ = ["ExtractionSettings", "Sibling", "extract_features"]


logger = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class ExtractionSettings:
    """How features are made, apart from the encoder."""

    l2_normalize: bool | None = None
    """Scale every vector to length 1; None: as the encoder's spec says."""
    dtype: Literal["float16", "float32"] = "float16"
    """Numbers in the files."""
    batch_size: int = 32
    """Clips encoded at a time."""
    decoding_threads: int = 4
    """Videos decoded at a time."""
    device: str = "cpu"
    """Where the encoder is."""

    def __post_init__(self) -> None:
        at_least_one(batch_size=self.batch_size, decoding_threads=self.decoding_threads)

    def recorded(self, spec: EncoderSpec) -> dict[str, Any]:
        """Return what decides what is in the files; it is kept beside them."""
        l2_normalize = spec.l2_normalize if self.l2_normalize is None else self.l2_normalize
        return {**spec.recorded(), "l2_normalize": l2_normalize, "dtype": self.dtype}


@dataclass(frozen=True)
class Sibling:
    """One of several workers on the same videos, started by one process."""

    number: int
    """From 0."""
    of: int
    """Workers."""
    run: int
    """The run that the process has begun, see :class:`mmpt.store.claims.Claims`."""

    def __str__(self) -> str:
        return f"{self.number}/{self.of}/{self.run}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the sibling of its text."""
        return cls(*map(int, text.split("/")))

    def arranged(self, jobs: Sequence[VideoJob]) -> list[VideoJob]:
        """Return the videos in an order of this worker's own, so that few meet at one."""
        begin = len(jobs) * self.number // self.of
        return [*jobs[begin:], *jobs[:begin]]


def extract_features(
    jobs: Sequence[VideoJob],
    encoder: VideoEncoder,
    settings: ExtractionSettings,
    decoder: FrameDecoder = decode_frames,
    *,
    report_name: str = REPORT_NAME,
    sibling: Sibling | None = None,
) -> ExtractionReport:
    """Make the features of all videos that have none, and of which no other worker makes them.

    A video that cannot be used is recorded and the others go on. Beside the features stand
    ``extraction.json`` (how they are made), ``extraction_report.json`` (this report) and
    ``failures/<id>.txt``. When this returns, every video has features or a reason why not.

    Args:
        jobs: Videos with their feature files, all in one folder.
        encoder: In evaluation mode and on ``settings.device``.
        settings: How features are made.
        decoder: Turns a file into frames.
        report_name: Name of the report, in the folder of the features.
        sibling: Which of several workers this is; its report is for the process that started it.

    Raises:
        ConfigError: If the folder holds features that were made in another way.
        DataError: If the encoder gives another shape than its spec promises.
    """
    report, begin = ExtractionReport(), time.perf_counter()
    if not jobs:
        return report
    folder, recorded = jobs[0].feature.parent, settings.recorded(encoder.spec)
    with Claims(folder, sibling.run if sibling else None) as claims:
        _record_settings(folder, recorded, claims)
        try:
            worklist = Worklist(sibling.arranged(jobs) if sibling else jobs, claims, report)
            with progress((), "features", total=len(worklist), unit="video", disable=bool(sibling)) as bar:
                for settled in _Run(encoder, settings, worklist, report).through(decoder):
                    bar.set_postfix(seconds=report.video_seconds, failed=len(report.failed), refresh=False)
                    bar.update(settled)
            worklist.tidy()
        finally:
            report.wall_seconds = time.perf_counter() - begin
            if sibling is None:
                report.save(folder / report_name, recorded, claims.ticket.temporary)
    return report


class _Run:
    """Collects seconds to batches and vectors to files."""

    def __init__(
        self,
        encoder: VideoEncoder,
        settings: ExtractionSettings,
        worklist: Worklist,
        report: ExtractionReport,
    ) -> None:
        self._encoder, self._settings, self._worklist, self._report = encoder, settings, worklist, report
        self._batch: list[tuple[VideoJob, np.ndarray]] = []
        self._rows: dict[VideoJob, list[np.ndarray]] = {}
        self._ended: list[VideoJob] = []
        self._waited = 0.0

    def through(self, decoder: FrameDecoder) -> Iterator[int]:
        """Work off all videos; yield how many have been settled since the last time."""
        settings, spec, left = self._settings, self._encoder.spec, len(self._worklist)
        for jobs in self._worklist.rounds():
            with DecodePool(
                jobs,
                self._worklist.decoder(decoder, jobs),
                spec.fps,
                spec.size,
                settings.decoding_threads,
                capacity=2 * settings.batch_size,
                clip_frames=spec.frames,
            ) as pool:
                for job, message in self._awaited(pool):
                    self._take(job, message)
                    yield left - len(self._worklist)
                    left = len(self._worklist)
                self._flush()
        yield left - len(self._worklist)

    def _awaited(self, messages: Iterable[Message]) -> Iterator[Message]:
        """Yield the messages; count the time until each is there."""
        begin = time.perf_counter()
        for message in messages:
            self._waited += time.perf_counter() - begin
            yield message
            begin = time.perf_counter()

    def _take(self, job: VideoJob, message: np.ndarray | DataError | None) -> None:
        if isinstance(message, DataError):
            self._batch = [(other, second) for other, second in self._batch if other != job]
            self._rows.pop(job, None)
            self._worklist.fail(job, message)
        elif message is None:
            self._ended.append(job)
        else:
            self._batch.append((job, message))
        if len(self._batch) in (0, self._settings.batch_size):
            self._flush()

    def _flush(self) -> None:
        """Encode what was collected and save the videos that are over."""
        if self._batch:
            begin = time.perf_counter()
            vectors = self._encode(np.stack([second for _, second in self._batch]))
            self._worklist.spend(time.perf_counter() - begin, self._waited)
            self._waited = 0.0
            for (job, _), vector in zip(self._batch, vectors, strict=True):
                self._rows.setdefault(job, []).append(vector)
            self._batch = []
        ended, self._ended = self._ended, []
        for job in ended:
            vectors = np.stack(self._rows.pop(job))
            if np.isfinite(vectors).all():
                self._worklist.save(job, vectors)
                self._report.video_seconds += len(vectors) * self._encoder.spec.seconds
            else:
                self._worklist.fail(job, DataError(f"The encoder gave NaN or infinity for {job.video}."))

    def _encode(self, clips: np.ndarray) -> np.ndarray:
        settings, count = self._settings, len(clips)
        if not self._encoder.spec.clipwise:
            # Always a full batch: networks round differently for other batch sizes, and a file must not
            # depend on which videos were encoded together, in what order, or after which interruption.
            black = np.zeros((settings.batch_size - count, *clips.shape[1:]), np.uint8)
            clips = np.concatenate([clips, black]) if len(black) else clips
        frames = torch.from_numpy(clips).to(settings.device)
        vectors = encode(self._encoder, frames, settings.l2_normalize)[:count]
        return vectors.cpu().numpy().astype(settings.dtype)


def _record_settings(folder: Path, now: dict[str, Any], claims: Claims) -> None:
    """Keep how the features are made; refuse to mix two ways in one folder."""
    before, path = read_settings(folder), folder / SETTINGS_NAME
    if not any(folder.glob("*.npy")) and not (before and claims.others()):
        write_json(path, now, claims.ticket.temporary)
    elif not before:
        logger.warning("The folder %s holds features of unknown making; they are kept.", folder)
    elif before != now:
        # A folder of an earlier version lacks what was not to be chosen then.
        changes = [
            f"{name} {value!r}, now {now.get(name)!r}"
            for name, value in before.items()
            if value != now.get(name)
        ]
        if not changes:
            write_json(path, now, claims.ticket.temporary)
            return
        raise ConfigError(
            f"The folder {folder} holds features made with other settings ({'; '.join(changes)}). "
            "Choose another folder, or the same settings."
        )
