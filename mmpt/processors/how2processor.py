"""HowTo100M: narrated videos, from numbered shards or from single files.

A list file names the videos of a split, one id per line. The shards hold their features and their
token ids; ``ShardedHow2MetaProcessor`` says where. The split ``test`` reads the ``val`` files.
The aligners of this data are in :mod:`mmpt.processors.aligners`.
"""

from collections.abc import Iterable
from typing import Any, ClassVar, NamedTuple

import numpy as np

from mmpt.config import DatasetConfig
from mmpt.errors import DataError
from mmpt.processors.captiontrack import check_times
from mmpt.processors.processor import MetaProcessor, Processor, TextProcessor, split_of
from mmpt.processors.shardscan import unusable_videos
from mmpt.processors.textfiles import needed, read_ids, text_of
from mmpt.store.caption_files import CaptionFile
from mmpt.store.captions import MAX_CHARACTERS
from mmpt.store.meta import CAPS_IDS, STARTENDS, file_split, read_meta
from mmpt.store.pretokenize import check_vocabulary
from mmpt.store.shards import ShardReader

__all__ = [
    "How2MetaProcessor",
    "PKLJSONStrTextProcessor",
    "ShardedHow2MetaProcessor",
    "ShardedTextProcessor",
    "ShardedVideo",
    "ShardedVideoProcessor",
]


class ShardedVideo(NamedTuple):
    """Where a video and its captions stand in the shards."""

    video_id: str
    idx: int
    """Position in the data set."""
    shard_id: int
    video_idx: int
    """Position in the shard."""


class How2MetaProcessor(MetaProcessor):
    """Lists (video_id, video_id) from a file with one id per line.

    Args:
        config: The ``dataset`` section.

    Raises:
        DataError: If the list is missing or no text file.
    """

    def __init__(self, config: DatasetConfig) -> None:
        super().__init__(config)
        self.data = [(video_id, video_id) for video_id in read_ids(self.path)]
        self.drop_missing_features(config.vfeat_dir)


class ShardedHow2MetaProcessor(MetaProcessor):
    """Lists (ShardedVideo, ShardedVideo) for the videos of a list file that the shards hold.

    Videos that are in no shard, have no second of video or no caption within the video are left
    out and recorded in ``dropped``.

    Args:
        config: The ``dataset`` section: the list of the split, ``vfeat_dir``, ``tfeat_dir``.

    Raises:
        DataError: If the list or a shard is missing or damaged.
    """

    def __init__(self, config: DatasetConfig) -> None:
        super().__init__(config)
        vfeat_dir, split = needed(config, "vfeat_dir", self), file_split(split_of(config))
        shards = read_meta(vfeat_dir, split)
        places = {name: (shard, item) for shard, ids in shards.items() for item, name in enumerate(ids)}
        wanted = read_ids(self.path)
        used = {places[name][0] for name in wanted if name in places}
        reasons = unusable_videos(
            vfeat_dir, config.tfeat_dir, split, {shard: shards[shard] for shard in sorted(used)}
        )
        reasons |= dict.fromkeys(
            (name for name in wanted if name not in places), f"in no shard of {vfeat_dir}"
        )
        kept = [name for name in wanted if name not in reasons]
        videos = [ShardedVideo(name, idx, *places[name]) for idx, name in enumerate(kept)]
        self.data = [(video, video) for video in videos]
        self.dropped = {
            reason: [name for name in wanted if reasons.get(name) == reason]
            for reason in sorted({reasons[name] for name in wanted if name in reasons})
        }


class ShardedVideoProcessor(Processor):
    """Reads the features of a video from the shards; each shard is opened once per process.

    Args:
        config: The ``dataset`` section: ``vfeat_dir``, and ``read_mode``, see ``mmpt.store.shards``.
    """

    def __init__(self, config: DatasetConfig) -> None:
        vfeat_dir, split = needed(config, "vfeat_dir", self), file_split(split_of(config))
        self.reader = ShardReader.videos(vfeat_dir, split, mode=config.read_mode)

    def __call__(self, video_id: ShardedVideo) -> np.ndarray:
        """Return the features (seconds, D) as stored, read-only in mode ``mmap``.

        Raises:
            DataError: If the shard is missing, damaged or does not match the meta file.
        """
        return self.reader.read(video_id.shard_id, video_id.video_idx)

    def prefetch(self, video_ids: Iterable[ShardedVideo]) -> None:
        """Have the system fetch the features of videos in the background, to be read soon after."""
        self.reader.prefetch((video.shard_id, video.video_idx) for video in video_ids)


class ShardedTextProcessor(Processor):
    """Reads the tokenised captions of a video from the shards.

    Args:
        config: The ``dataset`` section: ``tfeat_dir``, ``bert_name``, and ``read_mode`` as for videos.

    Raises:
        DataError: If the shards were tokenised with another vocabulary than that of ``bert_name``.
    """

    def __init__(self, config: DatasetConfig) -> None:
        prefix, split = needed(config, "tfeat_dir", self), file_split(split_of(config))
        check_vocabulary(prefix, split, config.bert_name, config.use_fast)
        mode = config.read_mode
        self.startends = ShardReader(prefix, split, STARTENDS, mode, dim=2)
        self.caps_ids = ShardReader(prefix, split, CAPS_IDS, mode)

    def __call__(self, text_id: ShardedVideo) -> dict[str, Any]:
        """Return the captions of a video.

        Returns:
            ``start`` and ``end``, float32 (n,) in seconds; ``cap``, int32 (n, k) token ids, padded
            with -1.

        Raises:
            DataError: If a shard is missing or damaged, the two shards do not match, or a time is
                no finite number.
        """
        shard, item = text_id.shard_id, text_id.video_idx
        startends, cap = self.startends.read(shard, item), self.caps_ids.read(shard, item)
        if len(startends) != len(cap):
            raise DataError(
                f"Video '{text_id.video_id}' has {len(startends)} captions in {self.startends.path(shard)} "
                f"and {len(cap)} in {self.caps_ids.path(shard)}; the files do not belong together."
            )
        check_times(
            startends[:, 0],
            startends[:, 1],
            f"video '{text_id.video_id}' in {self.startends.path(shard)}_data.npy",
        )
        return {"start": startends[:, 0], "end": startends[:, 1], "cap": cap}


class PKLJSONStrTextProcessor(TextProcessor):
    """Tokenises the captions of a video out of a caption file; for use without shards.

    The file is the original's pickle ``{video_id: JSON string}``, read without running code, or
    mmpt's ``.jsonl``. Of each caption the first 96 characters are used, which bounds the memory of
    subtitles without sentence breaks.

    Args:
        config: The ``dataset`` section: ``caption_path``, ``bert_name``.

    Raises:
        DataError: If the file is missing or damaged.
    """

    max_characters: ClassVar[int] = MAX_CHARACTERS

    def __init__(self, config: DatasetConfig) -> None:
        super().__init__(config)
        self.captions = CaptionFile(needed(config, "caption_path", self))

    def __call__(self, text_id: str) -> dict[str, Any]:
        """Return ``start`` and ``end`` (n,) in seconds and ``cap``, n lists of token ids.

        Raises:
            DataError: If the video is not in the file, or a caption has no text or no times.
        """
        where = f"video '{text_id}' in {self.captions.path}"
        if text_id not in self.captions:
            raise DataError(f"There is no {where}, which has the captions of {len(self.captions)} videos.")
        columns = self.captions.columns(text_id)
        try:
            rows = list(zip(columns["start"], columns["end"], columns["text"], strict=True))
            start, end = np.array([row[:2] for row in rows], dtype=np.float64).reshape(-1, 2).T
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"The captions of {where} need lists 'start', 'end' and 'text' of one length ({error})."
            ) from error
        check_times(start, end, where)
        texts = [text_of(row[2], f"caption {number} of {where}") for number, row in enumerate(rows)]
        return {"start": start, "end": end, "cap": self._tokens(texts)}

    def _tokens(self, texts: list[str]) -> list[list[int]]:
        short = [text[: self.max_characters] for text in texts]
        return self.tokenizer(short, add_special_tokens=False)["input_ids"] if short else []
