"""Caption de-duplication: ``python -m mmpt.processors.dedupprocessor --how2dir data/how2``.

Reads ``raw_caption.json`` of HowTo100M and writes ``raw_caption_dedup.pkl`` beside it: video id ->
JSON text. With ``--target raw_caption_dedup.jsonl`` it writes JSON lines instead.
"""

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmpt.errors import DataError
from mmpt.store.caption_files import read_captions, write_captions
from mmpt.store.captions import (
    Caption,
    DedupStats,
    clean_captions,
    dedup_captions,
    to_columns,
    video_generator,
)
from mmpt.utils.command import run_command
from mmpt.utils.logging import get_logger
from mmpt.utils.progress import progress

__all__ = ["CaptionDedupProcessor", "main"]

logger = get_logger(__name__)


class CaptionDedupProcessor:
    """Removes the repeats in a caption file.

    Args:
        seed: Decides, with the video id, which caption keeps words that two share.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.stats = DedupStats()
        """Of all videos so far."""

    def __call__(self, video_id: str, columns: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
        """Return the captions of one video, ``{"start", "end", "text"}``, without repeats.

        Raises:
            DataError: If the three lists are missing or of different length.
        """
        return to_columns(self._dedup(video_id, columns))

    def process_file(self, source: str | os.PathLike[str], target: str | os.PathLike[str]) -> DedupStats:
        """Write the captions of ``source`` without repeats to ``target`` (``.pkl`` or ``.jsonl``).

        Raises:
            DataError: If ``source`` is missing, damaged, without any usable caption, or a video's lists
                do not match.
        """
        write_captions(target, self._videos(source))
        return self.stats

    def _videos(self, source: str | os.PathLike[str]) -> Iterator[tuple[str, list[Caption]]]:
        before = self.stats
        for video_id, columns in progress(read_captions(source), "dedup", unit="video"):
            yield video_id, self._dedup(video_id, columns, source)
        if self.stats.captions_out == before.captions_out:
            raise DataError(
                f"The caption file {source} has {self.stats.videos - before.videos} videos and no caption "
                "with text and times. Take raw_caption.json of the data set, not one of its other files."
            )

    def _dedup(
        self,
        video_id: str,
        columns: Mapping[str, Sequence[Any]],
        path: str | os.PathLike[str] | None = None,
    ) -> list[Caption]:
        cleaned = clean_captions(video_id, columns, path)
        kept, stats = dedup_captions(cleaned, video_generator(self.seed, video_id))
        dropped = len(columns["text"]) - len(cleaned)
        self.stats += stats + DedupStats(captions_in=dropped, dropped=dropped)
        return kept


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m mmpt.processors.dedupprocessor", description="Remove repeats from captions."
    )
    parser.add_argument("--how2dir", type=Path, default=Path("data/how2"), help="folder of the captions")
    parser.add_argument("--source", default="raw_caption.json", help="file to read, in that folder")
    parser.add_argument("--target", default="raw_caption_dedup.pkl", help="file to write, .pkl or .jsonl")
    parser.add_argument("--seed", type=int, default=0, help="decides where shared words go")
    options = parser.parse_args(arguments)
    target = options.how2dir / options.target
    stats = CaptionDedupProcessor(options.seed).process_file(options.how2dir / options.source, target)
    logger.info(
        "%s: %d videos, %d captions in, %d out, %d dropped (no text or times), %d merged, %d trimmed",
        target,
        *vars(stats).values(),
    )
    return 0


if __name__ == "__main__":
    run_command(main)
