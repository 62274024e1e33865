"""Features of single videos become numbered shards.

Comes in: a list of video ids and a folder of ``<id>.npy``. Goes out: shards with a meta file, and a
report that names every video of the list that could not be packed.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from mmpt.errors import DataError
from mmpt.store.features import read_settings
from mmpt.store.meta import ArraySpec, video_prefix
from mmpt.store.npyfile import NpyHeader, read_array, read_header
from mmpt.store.shard_writer import plan_shards, write_shards
from mmpt.utils.files import read_text, write_json
from mmpt.utils.progress import progress

__all__ = ["PackReport", "pack_features"]


@dataclass
class PackReport:
    """What became of the videos of a list."""

    packed: int = 0
    missing: list[str] = field(default_factory=list)
    """Ids without a feature file."""
    unusable: dict[str, str] = field(default_factory=dict)
    """Id -> what is wrong with its feature file."""
    repeated: list[str] = field(default_factory=list)
    """Ids that the list holds more than once; they are packed once."""


def pack_features(
    list_path: str | os.PathLike[str],
    feature_dir: str | os.PathLike[str],
    shard_dir: str | os.PathLike[str],
    split: str,
    shard_size: int = 4096,
    dtype: str = "float16",
    dim: int = 512,
) -> PackReport:
    """Pack the features of the videos in a list; an interrupted run continues where it stopped.

    The report is also written to ``<shard_dir>/<split>_pack_report.json``.

    Args:
        list_path: File with one video id per line; the order is kept.
        feature_dir: Folder of ``<id>.npy``, each (seconds, dim).
        shard_dir: Folder of the shards (``vfeat_dir``).
        split: ``"train"`` or ``"val"``.
        shard_size: Videos in a shard.
        dtype: Numbers in the shards.
        dim: Width of a feature.

    Raises:
        DataError: If the list is missing or empty, no video of it has features, or a feature holds
            NaN or infinity.
    """
    ids, report = _read_list(list_path)
    folder, usable = Path(feature_dir), []
    for video_id in progress(ids, f"look for {split} features", unit="video"):
        path = folder / f"{video_id}.npy"
        if not path.exists():
            report.missing.append(video_id)
            continue
        try:
            _check_feature(path, read_header(path), dim)
            usable.append(video_id)
        except DataError as error:
            report.unusable[video_id] = str(error)
    if not usable:
        raise DataError(
            f"None of the {len(ids)} videos in {list_path} has usable features in {feature_dir} "
            f"({len(report.missing)} missing, {len(report.unusable)} unusable). Extract them first."
        )

    def load(of_shard: Sequence[str]) -> Iterator[tuple[np.ndarray]]:
        return ((read_array(folder / f"{video_id}.npy"),) for video_id in of_shard)

    arrays = [ArraySpec("", dtype, dim)]
    source = {"extractor": None, "fps": None, "size": None, "l2_normalize": None, **read_settings(folder)}
    source.pop("dtype", None)
    write_shards(video_prefix(shard_dir), split, plan_shards(usable, shard_size), load, arrays, source)
    report.packed = len(usable)
    write_json(Path(shard_dir) / f"{split}_pack_report.json", asdict(report))
    return report


def _read_list(path: str | os.PathLike[str]) -> tuple[list[str], PackReport]:
    ids: dict[str, None] = {}
    report = PackReport()
    for video_id in filter(None, map(str.strip, read_text(path).splitlines())):
        if video_id in ids:
            report.repeated.append(video_id)
        ids[video_id] = None
    if not ids:
        raise DataError(f"The list of videos {path} is empty; one id per line is expected.")
    return list(ids), report


def _check_feature(path: Path, header: NpyHeader, dim: int) -> None:
    if header.shape[1:] != (dim,):
        raise DataError(f"The file {path} has the shape {header.shape}; (seconds, {dim}) is expected.")
