"""How wide the features in a folder are, so that a model is built for them.

The folder says so: the meta file of its shards, ``extraction.json`` beside single files, or, where both
are older or foreign, the header of one array.
"""

import os
from pathlib import Path

from mmpt.config import TaskConfig
from mmpt.errors import ConfigError
from mmpt.store.meta import CAPS_IDS, STARTENDS, ShardMeta, meta_path, video_prefix
from mmpt.store.npyfile import read_header
from mmpt.store.sources import read_settings

__all__ = ["feature_width", "with_feature_width"]


def feature_width(vfeat_dir: str | os.PathLike[str]) -> int | None:
    """Return the numbers in a vector of the features or shards in a folder; None if nothing is there.

    Raises:
        ConfigError: If the shards of training and validation differ.
        DataError: If the file that says so is damaged.
    """
    folder = Path(vfeat_dir)
    if not folder.is_dir():
        return None
    found: dict[str, int] = {}
    for split in ("train", "val"):
        path = meta_path(video_prefix(folder), split)
        for array in (ShardMeta.from_json(path).arrays or ()) if path.exists() else ():
            if array.kind == "":
                found[path.name] = array.dim
    if len(set(found.values())) > 1:
        widths = " and ".join(f"{width} by {name}" for name, width in found.items())
        raise ConfigError(
            f"The shards in {folder} have two widths, {widths}; one model cannot read both. "
            "Pack both splits from features of one encoder."
        )
    if found:
        return next(iter(found.values()))
    width = read_settings(folder).get("dim")
    return width if isinstance(width, int) else _width_of_one_array(folder)


def with_feature_width(config: TaskConfig) -> TaskConfig:
    """Return the task with ``dataset.vfeat_dim`` set to the width of the features in ``vfeat_dir``.

    Without features the task is returned as it is.

    Raises:
        ConfigError: If the key is set, and the features have another width.
        DataError: If the file that says how wide they are is damaged.
    """
    dataset = config.dataset
    width = feature_width(dataset.vfeat_dir) if dataset.vfeat_dir else None
    if width is None or dataset.vfeat_dim == width:
        return config
    if dataset.vfeat_dim is not None:
        raise ConfigError(
            f"dataset.vfeat_dim is {dataset.vfeat_dim}, and the features in {dataset.vfeat_dir} are {width} "
            "numbers wide. Correct vfeat_dir, or remove vfeat_dim: it follows from the features."
        )
    return config.replace(dataset=dataset.replace(vfeat_dim=width))


def _width_of_one_array(folder: Path) -> int | None:
    """Return the width of the first array of vectors that the system lists."""
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            captions = name.endswith((f"{STARTENDS}_data.npy", f"{CAPS_IDS}_data.npy"))
            if name.endswith(".npy") and not name.startswith(".") and not captions:
                shape = read_header(Path(entry.path)).shape
                if len(shape) == 2:
                    return shape[1]
    return None
