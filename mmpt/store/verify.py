"""Checking a folder of shards: every file, every fault, no stop at the first one."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mmpt.errors import DataError
from mmpt.store.meta import ArraySpec, ShardMeta, caption_arrays, load_meta, shard_path, video_prefix
from mmpt.store.npyfile import NpyHeader, read_array, read_header
from mmpt.store.shardedtensor import check_starts
from mmpt.utils.files import sha256
from mmpt.utils.progress import progress

__all__ = ["Verification", "verify_shards"]

_META = re.compile(r"\.?(?P<prefix>.*?)(?P<split>[^.]+)_meta\.(json|pkl|json\.partial)")
_SHARD = re.compile(r"(?P<prefix>.*?)(?P<split>[^.]+)_\d+(\.startends|\.caps_ids)?_(data|starts)\.npy")


@dataclass
class Verification:
    """What a check of a folder found."""

    problems: list[str] = field(default_factory=list)
    """One sentence each; empty if all is well."""
    files: int = 0
    """Files that were read."""
    items: int = 0
    """Items (videos or their captions) in them."""
    without_checksum: int = 0
    """Files whose content could not be checked, because no checksum was stored."""


def verify_shards(folder: str | os.PathLike[str], checksums: bool = True) -> Verification:
    """Check sizes, starts, numbers of items, widths and checksums of all shards in a folder.

    Args:
        folder: Folder of the shards.
        checksums: Read every byte too, to compare checksums; without, headers and starts are read.

    Raises:
        DataError: If the folder does not exist.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}.")
    names = sorted(entry.name for entry in os.scandir(folder) if entry.is_file())
    result = Verification()
    metas = _metas(folder, names, result)
    listed: set[str] = set()
    shards = [(*key, number) for key, meta in sorted(metas.items()) for number in sorted(meta.shards)]
    for prefix, split, number in progress(shards, "verify", unit="shard"):
        path = shard_path(f"{video_prefix(folder)}{prefix}", split, number)
        listed.update(_verify_shard(path, metas[prefix, split], number, result, checksums))
    for name in names:
        if _SHARD.fullmatch(name) and name not in listed:
            result.problems.append(f"{folder / name} is in no meta file.")
        if name.startswith(".") and name.endswith(".tmp"):
            result.problems.append(f"{folder / name} was left by a killed run; delete it.")
    if not metas and not result.problems:
        result.problems.append(
            f"{folder} holds no shards: there is no <split>_meta.json or <split>_meta.pkl."
        )
    return result


def _metas(folder: Path, names: Sequence[str], result: Verification) -> dict[tuple[str, str], ShardMeta]:
    """Return (prefix, split) -> meta of every set; captions of the original borrow the videos' one."""
    found: dict[tuple[str, str], ShardMeta] = {}
    keys = {(match["prefix"], match["split"]) for name in names if (match := _META.fullmatch(name))}
    for prefix, split in sorted(keys):
        try:
            found[prefix, split] = load_meta(f"{video_prefix(folder)}{prefix}", split)
        except DataError as error:
            result.problems.append(str(error))
    for name in names:
        match = _SHARD.fullmatch(name)
        if match and match["prefix"] and (match["prefix"], match["split"]) not in keys:
            videos = found.get(("", match["split"]))
            if videos is not None:
                found[match["prefix"], match["split"]] = ShardMeta(videos.shards, caption_arrays())
    for (prefix, split), meta in found.items():
        videos = found.get(("", split), meta)
        if dict(videos.shards) != dict(meta.shards):
            result.problems.append(
                f"{folder / prefix}{split}_meta.json lists other videos than {split}_meta beside it; "
                "tokenise the captions again."
            )
    return found


def _verify_shard(
    path: str, meta: ShardMeta, number: int, result: Verification, checksums: bool
) -> list[str]:
    """Check all arrays of one shard; return the names of the files it consists of."""
    names = []
    first: np.ndarray | None = None
    for spec in meta.arrays or (None,):
        part = f"{path}{spec.kind if spec else ''}"
        files = [Path(f"{part}_data.npy"), Path(f"{part}_starts.npy")]
        names += [file.name for file in files]
        result.files += len(files)
        try:
            header, starts = read_header(files[0]), read_array(files[1])
            check_starts(starts, header.shape[0], f"the shard {part}")
        except DataError as error:
            result.problems.append(str(error))
            continue
        result.items += len(starts) - 1
        result.problems += _content_problems(part, header, starts, spec, meta, number)
        if checksums:
            result.problems += _checksum_problems(files, meta, result)
        if first is not None and not np.array_equal(first, starts):
            result.problems.append(f"The shard {part} has other starts than the other array of this shard.")
        first = starts
    return names


def _content_problems(
    part: str, header: NpyHeader, starts: np.ndarray, spec: ArraySpec | None, meta: ShardMeta, number: int
) -> list[str]:
    problems = []
    ids, rows = len(meta.shards[number]), meta.rows.get(number, header.shape[0])
    if len(starts) - 1 != ids:
        problems.append(f"The shard {part} has {len(starts) - 1} items; its meta file lists {ids} videos.")
    if header.shape[0] != rows:
        problems.append(f"The shard {part} has {header.shape[0]} rows; its meta file says {rows}.")
    if spec and (header.dtype != np.dtype(spec.dtype) or header.shape[1:] != (spec.dim,)):
        problems.append(
            f"The shard {part} holds {header.dtype} rows of shape {header.shape[1:]}; "
            f"{spec.dtype} rows of ({spec.dim},) are expected."
        )
    return problems


def _checksum_problems(files: Sequence[Path], meta: ShardMeta, result: Verification) -> list[str]:
    problems = []
    for file in files:
        if file.name not in meta.sha256:
            result.without_checksum += 1
        elif sha256(file) != meta.sha256[file.name]:
            problems.append(f"The content of {file} does not have the checksum in its meta file.")
    return problems
