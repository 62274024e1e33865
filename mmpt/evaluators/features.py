"""Which feature files a split was read from and how they were made, so that a result can say so."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mmpt.store.meta import ShardMeta, file_split, meta_path, read_meta, shard_path, video_prefix
from mmpt.store.sources import read_settings

__all__ = ["feature_files", "feature_making"]


def feature_files(vfeat_dir: str | os.PathLike[str], split: str, video_ids: Iterable[str]) -> list[Path]:
    """Return the files that hold the features of ``video_ids``, sorted.

    These are ``<vfeat_dir>/<video_id>.npy`` where that exists, and otherwise the shards in which
    the videos lie (the split ``test`` reads the ``val`` shards). Ids that the shards lack are left out.

    Raises:
        DataError: If a video has no file of its own, and the meta file of the shards is missing or damaged.
    """
    folder, files, in_shards = Path(vfeat_dir), set(), set()
    for video_id in set(video_ids):
        single = folder / f"{video_id}.npy"
        if single.is_file():
            files.add(single)
        else:
            in_shards.add(video_id)
    if in_shards:
        name = file_split(split)
        for shard, ids in read_meta(folder, name).items():
            if not in_shards.isdisjoint(ids):
                path = shard_path(video_prefix(folder), name, shard)
                files |= {Path(f"{path}_{part}.npy") for part in ("data", "starts")}
    return sorted(files)


def feature_making(vfeat_dir: str | os.PathLike[str], split: str) -> dict[str, Any]:
    """Return how the features in a folder were made: encoder with the hash of its weights, frame rate ...

    The meta file of the shards of ``split`` says so, or ``extraction.json``; nothing if there is neither.

    Raises:
        DataError: If that file is damaged.
    """
    path = meta_path(video_prefix(vfeat_dir), file_split(split))
    return dict(ShardMeta.from_json(path).source) if path.exists() else read_settings(vfeat_dir)
