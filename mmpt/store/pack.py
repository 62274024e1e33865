"""Features of single videos become numbered shards.

Comes in: a list of video ids and a source of features, usually a folder of ``<id>.npy``. Goes out:
shards with a meta file, and a report that names every video of the list that could not be packed.
In memory are the ids and, whatever the size of a shard, the features of ``AHEAD`` videos.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from mmpt.errors import ConfigError, DataError
from mmpt.store.meta import ArraySpec, video_prefix
from mmpt.store.shard_writer import ItemLoader, plan_shards, plan_shards_by_bytes, write_shards
from mmpt.store.sources import FeatureSource, open_features
from mmpt.utils.ahead import ahead
from mmpt.utils.files import read_text, write_json
from mmpt.utils.progress import progress

__all__ = ["AHEAD", "PackReport", "feature_loader", "pack_features"]

AHEAD = 16
"""Videos that are read before it is their turn, so that reading overlaps with writing."""


@dataclass
class PackReport:
    """What became of the videos of a list."""

    packed: int = 0
    missing: list[str] = field(default_factory=list)
    """Ids without features."""
    unusable: dict[str, str] = field(default_factory=dict)
    """Id -> what is wrong with its features."""
    repeated: list[str] = field(default_factory=list)
    """Ids that the list holds more than once; they are packed once."""


def pack_features(
    list_path: str | os.PathLike[str] | None,
    features: str | os.PathLike[str] | FeatureSource,
    shard_dir: str | os.PathLike[str],
    split: str,
    shard_size: int = 4096,
    dtype: str = "float16",
    dim: int | None = None,
    shard_bytes: int | None = None,
) -> PackReport:
    """Pack the features of the videos in a list; an interrupted run continues where it stopped.

    The report is also written to ``<shard_dir>/<split>_pack_report.json``.

    Args:
        list_path: File with one video id per line; the order is kept. None packs all of the source.
        features: Folder of ``<id>.npy``, each (seconds, dim), or what :func:`open_features` reads.
        shard_dir: Folder of the shards (``vfeat_dir``).
        split: ``"train"`` or ``"val"``.
        shard_size: Videos in a shard.
        dtype: Numbers in the shards.
        dim: Width of a feature; None takes that of the first usable one.
        shard_bytes: Most bytes of a shard, in place of ``shard_size``.

    Raises:
        ConfigError: If there is no such split.
        DataError: If the list is missing or empty, no video of it has features, or a feature holds
            NaN or infinity.
    """
    if split not in ("train", "val"):
        raise ConfigError(f"Shards are of the split train or val, which tests read too; got '{split}'.")
    source = open_features(features) if isinstance(features, str | os.PathLike) else features
    report = PackReport()
    ids = list(source) if list_path is None else _read_list(list_path, report)
    dim = dim or source.settings().get("dim")
    sizes = _usable(ids, source, split, dim, report)
    if not sizes:
        raise _no_features(ids, list_path, source, report)
    width = next(iter(sizes.values()))[1]
    row_bytes = width * np.dtype(dtype).itemsize
    plan = (
        plan_shards(list(sizes), shard_size)
        if shard_bytes is None
        else plan_shards_by_bytes({name: rows * row_bytes for name, (rows, _) in sizes.items()}, shard_bytes)
    )
    made = {"extractor": None, "fps": None, "size": None, "l2_normalize": None, **source.settings()}
    made.pop("dtype", None)
    arrays = [ArraySpec("", dtype, width)]
    write_shards(video_prefix(shard_dir), split, plan, feature_loader(source), arrays, made)
    report.packed = len(sizes)
    write_json(Path(shard_dir) / f"{split}_pack_report.json", asdict(report))
    return report


def feature_loader(source: FeatureSource) -> ItemLoader:
    """Return the function that gives the items of a shard out of a source of features."""

    def load(ids: Sequence[str]) -> Iterator[tuple[np.ndarray]]:
        return ((rows,) for rows in ahead(source.read, ids, depth=AHEAD))

    return load


def _read_list(path: str | os.PathLike[str], report: PackReport) -> list[str]:
    ids: dict[str, None] = {}
    for video_id in filter(None, map(str.strip, read_text(path).splitlines())):
        if video_id in ids:
            report.repeated.append(video_id)
        ids[video_id] = None
    if not ids:
        raise DataError(f"The list of videos {path} is empty; one id per line is expected.")
    return list(ids)


def _no_features(
    ids: Sequence[str], listed: str | os.PathLike[str] | None, source: FeatureSource, report: PackReport
) -> DataError:
    if not ids:
        return DataError(f"There are no features in {source}; check the path.")
    why = f"The first: {next(iter(report.unusable.values()))}" if report.unusable else "Extract them first."
    return DataError(
        f"None of the {len(ids)} videos {f'in {listed} ' if listed else ''}has usable features in {source} "
        f"({len(report.missing)} missing, {len(report.unusable)} unusable). {why}"
    )


def _usable(
    ids: Sequence[str], source: FeatureSource, split: str, dim: int | None, report: PackReport
) -> dict[str, tuple[int, int]]:
    """Return the shapes of the features that can be packed; record the others."""

    def shape(video_id: str) -> tuple[int, int] | str | None:
        try:
            return source.shape(video_id) if video_id in source else None
        except DataError as error:
            return str(error)

    found: dict[str, tuple[int, int]] = {}
    looks = ahead(shape, ids, depth=4 * AHEAD)
    for video_id, look in zip(progress(ids, f"look for {split} features", unit="video"), looks, strict=True):
        if look is None:
            report.missing.append(video_id)
        elif isinstance(look, str):
            report.unusable[video_id] = look
        elif look[1] != (dim := dim or look[1]):
            report.unusable[video_id] = (
                f"The features of '{video_id}' have the shape {look}; (seconds, {dim}) is expected."
            )
        else:
            found[video_id] = look
    return found
