"""Statistics of all shards in a folder.

Comes in: a folder of video shards and the token shards beside them. Goes out: a
:class:`SplitStatistics` per split. Of the features, the lengths of all videos and the numbers of a
sample are read; of the captions, everything, one shard in memory at a time.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmpt.errors import ConfigError, DataError
from mmpt.store.meta import (
    CAPS_IDS,
    STARTENDS,
    ShardMeta,
    check_items,
    load_meta,
    meta_path,
    partial_path,
    shard_path,
    video_prefix,
)
from mmpt.store.npyfile import read_array, read_header
from mmpt.store.shardedtensor import ShardedTensor
from mmpt.store.shards import ShardReader
from mmpt.store.statistics.captions import CaptionStatistics, WordCounter
from mmpt.store.statistics.distribution import Distribution
from mmpt.store.statistics.features import FeatureStatistics
from mmpt.utils.logging import get_logger
from mmpt.utils.progress import progress
from mmpt.utils.tokenizer import load_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["SplitStatistics", "collect"]

SHORT, LONG = 5, 4 * 3600
"""Seconds below and above which a video's length is worth a look."""

logger = get_logger(__name__)


@dataclass
class SplitStatistics:
    """What is in the shards of a split."""

    split: str
    shards: int
    videos: int
    bytes: int
    """Bytes of the video shards."""
    rows: str
    """Numbers of a row, such as ``float16 x 512``."""
    source: Mapping[str, Any]
    """How the features were made, as the meta file says."""
    seconds: Distribution = field(default_factory=lambda: Distribution(1))
    """Seconds of a video."""
    captions: CaptionStatistics | None = None
    features: FeatureStatistics = field(default_factory=FeatureStatistics)
    lengths: dict[str, list[str]] = field(default_factory=dict)
    """What is odd about a length, or the list of videos -> ids of the videos."""

    @property
    def suspicious(self) -> dict[str, list[str]]:
        """Return what is odd -> ids of the videos, without what does not occur."""
        all_of_it = {
            **self.lengths,
            **(self.captions.suspicious if self.captions else {}),
            **self.features.suspicious,
        }
        return {reason: ids for reason, ids in all_of_it.items() if ids}


def _find_token_shards(vfeat_dir: str | os.PathLike[str]) -> str | None:
    """Return ``tfeat_dir`` of the token shards beside video shards, None if there are none.

    Raises:
        ConfigError: If there are several.
    """
    name = re.compile(rf"(?P<prefix>.+\.)[^.]+_\d+{re.escape(STARTENDS)}_data\.npy")
    matches = (name.fullmatch(entry.name) for entry in os.scandir(vfeat_dir))
    found = sorted({match["prefix"] for match in matches if match})
    if len(found) > 1:
        raise ConfigError(
            f"{vfeat_dir} holds token shards of {len(found)} kinds; say which with --tfeat_dir: "
            + ", ".join(f"{video_prefix(vfeat_dir)}{prefix}" for prefix in found)
        )
    return f"{video_prefix(vfeat_dir)}{found[0]}" if found else None


def collect(
    vfeat_dir: str | os.PathLike[str],
    tfeat_dir: str | None = None,
    bert_name: str | None = None,
    sample: int = 1000,
) -> list[SplitStatistics]:
    """Return the statistics of every split in a folder.

    Args:
        vfeat_dir: Folder of the video shards.
        tfeat_dir: Prefix of the token shards; by default those in the folder.
        bert_name: Tokenizer of the captions, to count words; by default the one that their meta names.
        sample: Videos of a split whose numbers are read, chosen evenly; 0 for all.

    Raises:
        DataError: If the folder holds no shards, or one of them is missing or damaged.
        ConfigError: If there are several kinds of token shards, or ``bert_name`` is no tokenizer.
    """
    prefix = video_prefix(vfeat_dir)
    splits = _splits(Path(prefix))
    tfeat_dir = tfeat_dir or _find_token_shards(prefix)
    seen: dict[bytes, str] = {}
    results = []
    metas = {split: load_meta(prefix, split) for split in splits}
    for split, meta in metas.items():
        result = _of_videos(prefix, split, meta)
        _look_into_features(result, prefix, meta, sample, seen)
        if tfeat_dir is not None:
            _look_into_captions(result, prefix, tfeat_dir, meta, _counter(tfeat_dir, split, bert_name))
        results.append(result)
    _compare_lists(metas, results)
    return results


def _splits(folder: Path) -> list[str]:
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}.")
    name = re.compile(r"\.?([^.]+)_meta\.(json|pkl|json\.partial)")
    found = {match[1] for entry in os.scandir(folder) if (match := name.fullmatch(entry.name))}
    if not found:
        raise DataError(f"{folder} holds no shards: there is no <split>_meta.json or <split>_meta.pkl.")
    return sorted(found)


def _of_videos(prefix: str, split: str, meta: ShardMeta) -> SplitStatistics:
    result = SplitStatistics(split, len(meta.shards), sum(map(len, meta.shards.values())), 0, "", meta.source)
    for number, ids in progress(sorted(meta.shards.items()), f"{split} lengths", unit="shard"):
        path = shard_path(prefix, split, number)
        header = read_header(f"{path}_data.npy")
        seconds = _seconds(path, ids)
        result.bytes += header.shape[0] * header.row_bytes
        result.rows = f"{header.dtype} × {header.shape[1]}"
        result.seconds.add(seconds)
        for reason, chosen in {
            "without a second of video": seconds == 0,
            f"of less than {SHORT} s": (seconds > 0) & (seconds < SHORT),
            f"of more than {LONG // 3600} h": seconds > LONG,
        }.items():
            result.lengths.setdefault(reason, []).extend(ids[int(each)] for each in np.flatnonzero(chosen))
    return result


def _seconds(path: str, ids: Sequence[str]) -> np.ndarray:
    seconds = np.diff(read_array(f"{path}_starts.npy"))
    check_items(path, len(seconds), len(ids))
    return seconds


def _look_into_features(
    result: SplitStatistics, prefix: str, meta: ShardMeta, sample: int, seen: dict[bytes, str]
) -> None:
    places = [(number, item) for number, ids in sorted(meta.shards.items()) for item in range(len(ids))]
    if 0 < sample < len(places):
        places = [places[int(each)] for each in np.linspace(0, len(places) - 1, sample)]
    reader = ShardReader.videos(prefix, result.split)
    result.features.normalized = meta.source.get("l2_normalize")
    for number, item in progress(places, f"{result.split} features", unit="video"):
        result.features.add(meta.shards[number][item], reader.read(number, item), seen)


def _look_into_captions(
    result: SplitStatistics, prefix: str, tfeat_dir: str, meta: ShardMeta, counter: WordCounter
) -> None:
    captions = CaptionStatistics()
    for number, ids in progress(sorted(meta.shards.items()), f"{result.split} captions", unit="shard"):
        times = ShardedTensor.load(shard_path(tfeat_dir, result.split, number, STARTENDS), mmap_mode="r")
        path = shard_path(tfeat_dir, result.split, number, CAPS_IDS)
        tokens = ShardedTensor.load(path, mmap_mode="r")
        seconds = _seconds(shard_path(prefix, result.split, number), ids)
        if len(times) != len(ids) or not np.array_equal(times.starts, tokens.starts):
            raise DataError(
                f"The shard {path} does not have the items of the video shard; they do not belong together. "
                "Check the folder with: mmpt shards verify FOLDER"
            )
        captions.add(ids, seconds, times, tokens.data, counter)
    result.captions = captions


def _counter(tfeat_dir: str, split: str, bert_name: str | None) -> WordCounter:
    """Return what counts words; only tokens are counted if the tokenizer is not known or not here."""
    own_meta = meta_path(tfeat_dir, split).exists() or partial_path(tfeat_dir, split).exists()
    named = bert_name or (load_meta(tfeat_dir, split).source.get("bert_name") if own_meta else None)
    tokenizer: PreTrainedTokenizerBase | None = None
    if named is not None:
        try:
            tokenizer = load_tokenizer(named)
        except ConfigError:
            if bert_name is not None:
                raise
            logger.warning("The tokenizer '%s' is not here; tokens are counted instead of words.", named)
    return WordCounter(tokenizer)


def _compare_lists(metas: Mapping[str, ShardMeta], results: Sequence[SplitStatistics]) -> None:
    """Record the videos that an earlier split has, too."""
    before: dict[str, str] = {}
    for result in results:
        ids = [video_id for part in metas[result.split].shards.values() for video_id in part]
        for video_id in ids:
            if video_id in before:
                reason = f"that are also in the split '{before[video_id]}'"
                result.lengths.setdefault(reason, []).append(video_id)
        before |= {video_id: result.split for video_id in ids if video_id not in before}
