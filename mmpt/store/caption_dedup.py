"""Remove the repeats in captions: a caption often begins with the end of the one before.

Reads ``raw_caption.json`` of HowTo100M and writes ``raw_caption_dedup.pkl`` beside it: video id ->
JSON text. Other captions are read with ``--source`` (a ``.json``, ``.jsonl``, ``.pkl`` or ``.csv`` file, or a
folder of ``.vtt``, ``.srt`` or ``.csv`` files), and JSON lines are written with ``--target NAME.jsonl``.

Files are read and written as streams, so they may be larger than memory; an interrupted run is continued
where it stopped. ``<target>_report.json`` holds the numbers and the videos that could not be used.
"""

import argparse
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from mmpt.errors import DataError
from mmpt.store.caption_files import caption_paths, parse_captions, scan_captions
from mmpt.store.caption_format import CaptionRecord
from mmpt.store.caption_writer import caption_encoding
from mmpt.store.captions import (
    Caption,
    DedupStats,
    clean_captions,
    dedup_captions,
    to_columns,
    video_generator,
)
from mmpt.utils.files import unreadable, write_json
from mmpt.utils.logging import get_logger
from mmpt.utils.parallel import Workers, core_count
from mmpt.utils.progress import progress
from mmpt.utils.resumable import ResumableFile, resumable_write

__all__ = ["CaptionDedupProcessor", "add_arguments", "dedup_files", "main"]

logger = get_logger(__name__)

VIDEOS_AT_A_TIME = 64
"""Videos that go to a worker together."""

_Group = list[tuple[str, str, bytes]]
"""File, video id and record of some videos."""


@dataclass
class _Progress:
    """How far a file is."""

    stats: DedupStats = field(default_factory=DedupStats)
    """Of the videos that were written."""
    failed: dict[str, str] = field(default_factory=dict)
    """Video id -> why it was left out."""

    @property
    def videos(self) -> int:
        return self.stats.videos + len(self.failed)

    def add(self, other: "_Progress") -> None:
        self.stats += other.stats
        self.failed.update(other.failed)

    def to_json(self) -> dict[str, Any]:
        return {**vars(self.stats), "failed": self.failed}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "_Progress":
        numbers = {name: value for name, value in content.items() if name != "failed"}
        return cls(DedupStats(**numbers), dict(content.get("failed", {})))


class CaptionDedupProcessor:
    """Removes the repeats in caption files.

    Args:
        seed: Decides, with the video id, which caption keeps words that two share.
        workers: Processes that share the work; the result does not depend on it.
    """

    def __init__(self, seed: int = 0, workers: int = 1) -> None:
        self.seed, self.workers = seed, workers
        self.stats = DedupStats()
        """Of all videos so far."""
        self.failed: dict[str, str] = {}
        """Video id -> why its captions could not be read, of all files so far."""

    def __call__(self, video_id: str, columns: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
        """Return the captions of one video, ``{"start", "end", "text"}``, without repeats.

        Raises:
            DataError: If the three lists are missing or of different length.
        """
        kept, stats = _dedup(self.seed, video_id, columns)
        self.stats += stats
        return to_columns(kept)

    def process_file(self, source: str | os.PathLike[str], target: str | os.PathLike[str]) -> DedupStats:
        """Write the captions of ``source`` without repeats to ``target`` (``.pkl`` or ``.jsonl``).

        A video whose captions cannot be read is left out and goes to :attr:`failed`; the numbers and these
        videos are also written beside the target. A run that was killed is continued.

        Args:
            source: A file or folder, see :mod:`mmpt.store.caption_files`.
            target: The file to write.

        Returns:
            The numbers of this file.

        Raises:
            DataError: If ``source`` is missing, so damaged that what follows cannot be found, or without any
                usable caption.
        """
        target = Path(target)
        caption_encoding(target)
        with resumable_write(target, _key(source, self.seed)) as file, Workers(self.workers) as workers:
            done = self._write(file, source, workers)
            if not done.stats.captions_out:
                raise DataError(_nothing(source, done))
            write_json(target.with_name(f"{target.stem}_report.json"), done.to_json())
        self.stats += done.stats
        self.failed.update(done.failed)
        return done.stats

    def _write(self, file: ResumableFile, source: str | os.PathLike[str], workers: Workers) -> _Progress:
        encoding = caption_encoding(file.target)
        done = _Progress.from_json(file.state)
        if not file.state:
            file.append(encoding.head, done.to_json())
        records = islice(scan_captions(source), done.videos, None)
        work = partial(_dedup_group, self.seed, file.target.suffix)
        with progress((), "dedup", unit="video") as bar:
            bar.update(done.videos)
            for written, part in workers.map(work, _groups(records)):
                done.add(part)
                file.append(written, done.to_json())
                bar.update(part.videos)
        file.append(encoding.tail)
        return done


def _dedup(
    seed: int,
    video_id: str,
    columns: Mapping[str, Sequence[Any]],
    path: str | os.PathLike[str] | None = None,
) -> tuple[list[Caption], DedupStats]:
    cleaned = clean_captions(video_id, columns, path)
    kept, stats = dedup_captions(cleaned, video_generator(seed, video_id))
    dropped = len(columns["text"]) - len(cleaned)
    return kept, stats + DedupStats(captions_in=dropped, dropped=dropped)


def _dedup_group(seed: int, suffix: str, group: _Group) -> tuple[bytes, _Progress]:
    """Return the records of some videos as they go to the target, and what became of them."""
    encoding = caption_encoding(f"captions{suffix}")
    written: list[bytes] = []
    done = _Progress()
    for path, video_id, content in group:
        try:
            kept, stats = _dedup(seed, video_id, parse_captions(path, video_id, content), path)
        except DataError as error:
            done.failed[video_id] = str(error)
        else:
            written.append(encoding.record(video_id, kept))
            done.stats += stats
    return b"".join(written), done


def _groups(records: Iterator[tuple[Path, CaptionRecord]]) -> Iterator[_Group]:
    while group := [
        (str(path), record.video_id, record.content) for path, record in islice(records, VIDEOS_AT_A_TIME)
    ]:
        yield group


def _key(source: str | os.PathLike[str], seed: int) -> dict[str, Any]:
    """Return what the result depends on, as far as it can be told without reading the source."""
    digest = hashlib.sha256()
    for path in caption_paths(source):
        try:
            status = path.stat()
        except OSError as error:
            raise unreadable(path, error) from error
        digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    return {"source": digest.hexdigest(), "seed": seed}


def _nothing(source: str | os.PathLike[str], done: _Progress) -> str:
    first = next(iter(done.failed.values()), None)
    return (
        f"The caption file {source} has {done.videos} videos and no caption with text and times. "
        + (f"{len(done.failed)} videos could not be read, the first because: {first} " if first else "")
        + "Take raw_caption.json of the data set, not one of its other files."
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a command the arguments of :func:`dedup_files`."""
    add = parser.add_argument
    add("--how2dir", type=Path, default=Path("data/how2"), help="folder of the captions")
    add(
        "--source",
        default="raw_caption.json",
        help="what to read, in that folder: .json, .jsonl, .pkl, .csv, or a folder of .vtt, .srt, .csv",
    )
    add("--target", default="raw_caption_dedup.pkl", help="file to write, .pkl or .jsonl")
    add("--seed", type=int, default=0, help="decides where shared words go")
    add(
        "--num_workers", type=int, default=core_count(), help="processes (default: one per core, %(default)s)"
    )


def dedup_files(options: argparse.Namespace) -> int:
    """Do what a command line asks for and return the exit code: 1 if captions could not be read."""
    target = options.how2dir / options.target
    processor = CaptionDedupProcessor(options.seed, options.num_workers)
    stats = processor.process_file(options.how2dir / options.source, target)
    logger.info(
        "%s: %d videos, %d captions in, %d out, %d dropped (no text or times), %d merged, %d trimmed",
        target,
        *vars(stats).values(),
    )
    if processor.failed:
        video_id, reason = next(iter(processor.failed.items()))
        logger.error(
            "%d videos were left out, the first is '%s': %s All are in %s_report.json beside it.",
            len(processor.failed),
            video_id,
            reason,
            target.stem,
        )
    return int(bool(processor.failed))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``python -m mmpt.processors.dedupprocessor`` and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m mmpt.processors.dedupprocessor", description="Remove repeats from captions."
    )
    add_arguments(parser)
    return dedup_files(parser.parse_args(arguments))
