"""Writing numbered shards: a stream of items in, files and a meta file out, in bounded memory.

Every file appears whole or not at all. While a set is being written its meta file is hidden
(``.<split>_meta.json.partial``) and grows shard by shard, so an interrupted run continues where it
stopped and no reader mistakes a part for the whole. One process writes a set at a time.
"""

import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mmpt.errors import DataError
from mmpt.store.meta import ArraySpec, ShardMeta, meta_path, partial_path, shard_path
from mmpt.store.npyfile import read_header
from mmpt.store.rowwriter import write_shard
from mmpt.utils.files import TEMPORARY
from mmpt.utils.lock import exclusive
from mmpt.utils.logging import get_logger
from mmpt.utils.progress import progress

__all__ = [
    "ItemLoader",
    "forget_shards",
    "plan_shards",
    "plan_shards_by_bytes",
    "rewrite_shards",
    "write_shards",
]

logger = get_logger(__name__)

ItemLoader = Callable[[Sequence[str]], Iterable[Sequence[np.ndarray]]]
"""From the video ids of a shard to its items, in order: one (rows, dim) array per ArraySpec."""


def plan_shards(ids: Sequence[str], shard_size: int) -> dict[int, list[str]]:
    """Cut a list of video ids into shards of ``shard_size``; the last may be shorter.

    Raises:
        DataError: If there are no ids or the size is not positive.
    """
    if not ids or shard_size < 1:
        raise DataError(f"Shards of {shard_size} videos cannot be made of {len(ids)} videos.")
    return {
        start // shard_size: list(ids[start : start + shard_size]) for start in range(0, len(ids), shard_size)
    }


def plan_shards_by_bytes(sizes: Mapping[str, int], shard_bytes: int) -> dict[int, list[str]]:
    """Cut a list of videos into shards of at most ``shard_bytes``, in order.

    A video that is larger alone is a shard of its own.

    Args:
        sizes: Video id -> bytes of its rows.
        shard_bytes: Most bytes of a shard.

    Raises:
        DataError: If there are no ids or the size is not positive.
    """
    if not sizes or shard_bytes < 1:
        raise DataError(f"Shards of {shard_bytes} bytes cannot be made of {len(sizes)} videos.")
    shards: dict[int, list[str]] = {0: []}
    filled = 0
    for video_id, size in sizes.items():
        last = shards[len(shards) - 1]
        if last and filled + size > shard_bytes:
            shards[len(shards)] = last = []
            filled = 0
        last.append(video_id)
        filled += size
    return shards


def write_shards(
    prefix: str,
    split: str,
    shards: Mapping[int, Sequence[str]],
    load: ItemLoader,
    arrays: Sequence[ArraySpec],
    source: Mapping[str, Any],
) -> ShardMeta:
    """Write the shards ``<prefix><split>_<n><kind>`` and their meta file.

    Shards that an earlier run wrote with the same ids, arrays and source are kept as they are.

    Args:
        prefix: ``<vfeat_dir>/`` or ``tfeat_dir``.
        split: ``"train"`` or ``"val"``.
        shards: Shard number -> video ids.
        load: Gives the items of a shard one by one, so that only one is in memory.
        arrays: The arrays of a shard.
        source: How the data was made; goes into the meta file.

    Raises:
        DataError: If an item has another width or holds NaN or infinity, another process is writing the
            set, or the folder holds shards without a meta file of ours, which are never overwritten.
    """
    plan = ShardMeta({n: list(ids) for n, ids in shards.items()}, tuple(arrays), source=dict(source))
    with _only_writer(prefix, split):
        return _write_set(prefix, split, plan, load)


def rewrite_shards(prefix: str, split: str, numbers: Iterable[int], load: ItemLoader) -> list[int]:
    """Write some shards of a finished set again, as their meta file describes them.

    Args:
        prefix: As :func:`write_shards`.
        split: As :func:`write_shards`.
        numbers: Shards to write.
        load: Gives the items of a shard one by one.

    Returns:
        The shards whose content is now another than when the set was written.

    Raises:
        DataError: As :func:`write_shards`, or if the set has no JSON meta file.
    """
    changed = []
    with _only_writer(prefix, split):
        final = meta_path(prefix, split)
        meta = ShardMeta.from_json(final)
        for number in numbers:
            before = meta
            meta = _with_shard(meta, prefix, split, number, load)
            if meta != before:
                changed.append(number)
                meta.save(final, split)
        _remove_temporaries(prefix, split)
    return changed


def forget_shards(prefix: str, split: str, numbers: Collection[int]) -> None:
    """Turn a finished set into an interrupted one that lacks some shards: :func:`write_shards` makes them.

    Raises:
        DataError: If the set has no JSON meta file or another process is writing it.
    """
    with _only_writer(prefix, split):
        final = meta_path(prefix, split)
        meta = ShardMeta.from_json(final)
        kept = {number: ids for number, ids in meta.shards.items() if number not in numbers}
        replace(meta, shards=kept).save(partial_path(prefix, split), split)
        final.unlink()


def _only_writer(prefix: str, split: str) -> AbstractContextManager[None]:
    lock = partial_path(prefix, split).with_suffix(".lock")
    return exclusive(lock, f"the shards {prefix}{split}_*")


def _write_set(prefix: str, split: str, plan: ShardMeta, load: ItemLoader) -> ShardMeta:
    final, partial = meta_path(prefix, split), partial_path(prefix, split)
    _refuse_unknown_shards(prefix, split)
    kept = _reusable(prefix, split, plan)
    _remove_temporaries(prefix, split)
    if final.exists() and not partial.exists() and _read(final) == kept:
        return kept
    # From here on the old meta would describe files that are being replaced.
    kept.save(partial, split)
    for path in _files_on_disk(prefix, split):
        if path.name not in kept.sha256:
            path.unlink()
    final.unlink(missing_ok=True)
    with progress((), f"{split} shards", total=sum(map(len, plan.shards.values())), unit="video") as bar:
        for number, ids in plan.shards.items():
            if number not in kept.shards:
                kept = _with_shard(
                    replace(kept, shards={**kept.shards, number: ids}), prefix, split, number, load
                )
                kept.save(partial, split)
            bar.update(len(ids))
    kept = _in_order(kept, plan)
    kept.save(partial, split)
    os.replace(partial, final)
    return kept


def _with_shard(meta: ShardMeta, prefix: str, split: str, number: int, load: ItemLoader) -> ShardMeta:
    """Write one shard and record it."""
    ids = meta.shards[number]
    paths = {spec: shard_path(prefix, split, number, spec.kind) for spec in meta.arrays or ()}
    rows, checksums = write_shard(paths, ids, load(ids))
    return replace(meta, rows={**meta.rows, number: rows}, sha256={**meta.sha256, **checksums})


def _in_order(meta: ShardMeta, plan: ShardMeta) -> ShardMeta:
    """Return the meta in the order of the plan, so that an interrupted run writes the same bytes."""
    return replace(
        meta,
        shards={number: meta.shards[number] for number in plan.shards},
        rows={number: meta.rows[number] for number in plan.shards},
        sha256={name: meta.sha256[name] for name in sorted(meta.sha256)},
    )


def _refuse_unknown_shards(prefix: str, split: str) -> None:
    if meta_path(prefix, split).exists() or partial_path(prefix, split).exists():
        return
    if Path(f"{prefix}{split}_meta.pkl").exists():
        raise DataError(
            f"{prefix}{split}_meta.pkl says that shards of the original toolkit are here; they are not "
            "overwritten. Choose another folder, or move them away."
        )
    unknown = _files_on_disk(prefix, split)
    if unknown:
        raise DataError(
            f"{unknown[0]} and {len(unknown) - 1} more shard files have no meta file, so they may be "
            "anybody's and are not overwritten. Choose another folder, or move them away."
        )


def _reusable(prefix: str, split: str, plan: ShardMeta) -> ShardMeta:
    """Return what an earlier run wrote and this one would write the same."""
    path = next((p for p in (partial_path(prefix, split), meta_path(prefix, split)) if p.exists()), None)
    found = (_read(path) if path else None) or replace(plan, shards={})
    arrays = plan.arrays or ()
    keep = {
        number: ids
        for number, ids in plan.shards.items()
        if (found.arrays, found.source) == (plan.arrays, plan.source)
        and found.shards.get(number) == ids
        and _is_whole(shard_path(prefix, split, number), arrays)
    }
    names = {name for number in keep for name in _file_names(shard_path(prefix, split, number), arrays)}
    return replace(
        plan,
        shards=keep,
        rows={number: found.rows[number] for number in keep},
        sha256={name: digest for name, digest in found.sha256.items() if name in names},
    )


def _read(path: Path) -> ShardMeta | None:
    try:
        return ShardMeta.from_json(path)
    except DataError as error:
        logger.warning("%s All shards of the set are written again.", error)
        return None


def _files_on_disk(prefix: str, split: str) -> list[Path]:
    """Return the shard files of a set, whether its meta file lists them or not."""
    return _matching(prefix, split, r"_\d+(\.startends|\.caps_ids)?_(data|starts)\.npy")


def _remove_temporaries(prefix: str, split: str) -> None:
    """Remove what killed runs left; only for the one writer of a set."""
    for path in _matching(prefix, split, "_.*", r"\.+"):
        if TEMPORARY.fullmatch(path.name):
            path.unlink()


def _matching(prefix: str, split: str, end: str, begin: str = "") -> list[Path]:
    base = Path(f"{prefix}{split}")
    name = re.compile(f"{begin}{re.escape(base.name)}{end}")
    return sorted(path for path in base.parent.iterdir() if name.fullmatch(path.name))


def _file_names(path: str, arrays: Iterable[ArraySpec]) -> list[str]:
    return [f"{Path(path).name}{spec.kind}_{part}.npy" for spec in arrays for part in ("data", "starts")]


def _is_whole(path: str, arrays: Iterable[ArraySpec]) -> bool:
    try:
        for name in _file_names(path, arrays):
            read_header(Path(path).with_name(name))
    except DataError:
        return False
    return True
