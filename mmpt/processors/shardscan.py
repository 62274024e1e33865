"""One look over the shards before training: which videos give no clip.

Comes in: where the shards are. Goes out: video id -> why it cannot be used. Only the small arrays
are read (where items begin, and caption times: 8 bytes a caption), one shard at a time. Finding
such videos here, and not in the middle of an epoch, is what lets the data set count and skip them.
"""

import numpy as np

from mmpt.errors import DataError
from mmpt.processors.captiontrack import check_times
from mmpt.store.meta import STARTENDS, check_items, shard_path, video_prefix
from mmpt.store.npyfile import read_array
from mmpt.store.shardedtensor import ShardedTensor
from mmpt.utils.progress import progress

__all__ = ["NO_CAPTION", "NO_VIDEO", "unusable_videos"]

NO_VIDEO = "without a second of video"
NO_CAPTION = "without a caption that starts within the video"


def unusable_videos(
    vfeat_dir: str, tfeat_dir: str | None, split: str, shards: dict[int, list[str]]
) -> dict[str, str]:
    """Return the videos that have no feature or no caption within the video, with the reason.

    Args:
        vfeat_dir: Folder of the video shards.
        tfeat_dir: Prefix of the caption shards; None looks at the videos only.
        split: ``"train"`` or ``"val"``, as in the file names.
        shards: Shard number -> video ids in it.

    Raises:
        DataError: If a shard is missing or damaged, shards do not have the same videos, or a
            caption time is no finite number.
    """
    reasons: dict[str, str] = {}
    few = len(shards) < 20  # a bar for what takes a moment is noise
    for shard, ids in shards.items() if few else progress(shards.items(), "looking over the captions"):
        path = shard_path(video_prefix(vfeat_dir), split, shard)
        seconds = np.diff(read_array(f"{path}_starts.npy"))
        check_items(path, len(seconds), len(ids))
        reasons |= dict.fromkeys(_select(ids, seconds == 0), NO_VIDEO)
        if tfeat_dir is not None:
            first = _first_start(shard_path(tfeat_dir, split, shard, STARTENDS), ids)
            reasons |= dict.fromkeys(_select(ids, (seconds > 0) & ~(first < seconds)), NO_CAPTION)
    return reasons


def _first_start(path: str, ids: list[str]) -> np.ndarray:
    """Return the earliest caption start of every video, infinite without captions, float (videos,)."""
    times = ShardedTensor.load(path, mmap_mode="r")
    check_items(path, len(times), len(ids))
    if times.data.shape[1:] != (2,):
        raise DataError(
            f"The shard {path} has rows of shape {times.data.shape[1:]}; start and end are expected."
        )
    if not np.isfinite(times.data).all():
        for video_id, startends in zip(ids, times, strict=True):
            check_times(startends[:, 0], startends[:, 1], f"video '{video_id}' in {path}_data.npy")
    first = np.full(len(ids), np.inf)
    filled = times.lengths() > 0
    if filled.any():
        first[filled] = np.minimum.reduceat(times.data[:, 0], times.starts[:-1][filled])
    return first


def _select(ids: list[str], chosen: np.ndarray) -> list[str]:
    return [ids[item] for item in np.flatnonzero(chosen)]
