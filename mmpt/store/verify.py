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
from mmpt.utils.ahead import ahead
from mmpt.utils.files import TEMPORARY, sha256
from mmpt.utils.parallel import core_count
from mmpt.utils.progress import progress

__all__ = ["Verification", "verify_shards"]

_META = re.compile(r"\.?(?P<prefix>.*?)(?P<split>[^.]+)_meta\.(json|pkl|json\.partial)")
_SHARD = re.compile(r"(?P<prefix>.*?)(?P<split>[^.]+)_\d+(\.startends|\.caps_ids)?_(data|starts)\.npy")

SetKey = tuple[str, str]
"""(prefix in the folder, split) of a set of shards; the prefix of video shards is empty."""


@dataclass
class Verification:
    """What a check of a folder found."""

    problems: list[str] = field(default_factory=list)
    """One sentence each; empty if all is well."""
    files: int = 0
    """Files that were read."""
    items: int = 0
    """Items (videos or their captions) in them."""
    bytes: int = 0
    """Bytes of the files that were read for their checksums."""
    without_checksum: int = 0
    """Files whose content could not be checked, because no checksum was stored."""
    broken: dict[SetKey, list[int]] = field(default_factory=dict)
    """Shards that have a problem; each set that has one, with an empty list if it is its meta file."""
    extra: list[Path] = field(default_factory=list)
    """Array files that belong to no set."""
    left_over: list[Path] = field(default_factory=list)
    """Temporary files of killed runs."""


def verify_shards(
    folder: str | os.PathLike[str], checksums: bool = True, threads: int | None = None
) -> Verification:
    """Check sizes, starts, numbers of items, widths and checksums of all shards in a folder.

    Args:
        folder: Folder of the shards.
        checksums: Read every byte too, to compare checksums; without, headers and starts are read.
        threads: Shards that are read at a time; by default one per core, 8 at most.

    Raises:
        DataError: If the folder does not exist.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}.")
    names = sorted(entry.name for entry in os.scandir(folder) if entry.is_file())
    result = Verification()
    metas = _metas(folder, names, result)
    shards = [(*key, number) for key, meta in sorted(metas.items()) for number in sorted(meta.shards)]

    def look(shard: tuple[str, str, int]) -> _Look:
        prefix, split, number = shard
        path = shard_path(f"{video_prefix(folder)}{prefix}", split, number)
        return _look_at(path, metas[prefix, split], number, checksums)

    threads = threads or min(8, core_count())
    looks = ahead(look, shards, threads, depth=2 * threads)
    listed: set[str] = set()
    for (prefix, split, number), found in zip(progress(shards, "verify", unit="shard"), looks, strict=True):
        listed.update(found.names)
        result.problems += found.problems
        result.files += len(found.names)
        result.items += found.items
        result.bytes += found.bytes
        result.without_checksum += found.without_checksum
        if found.problems:
            result.broken.setdefault((prefix, split), []).append(number)
    for name in names:
        if ".npy" in name and not name.startswith(".") and name not in listed:
            result.extra.append(folder / name)
            result.problems.append(f"{folder / name} is in no meta file.")
        if TEMPORARY.fullmatch(name):
            result.left_over.append(folder / name)
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
            result.broken[prefix, split] = []
    for name in names:
        match = _SHARD.fullmatch(name)
        if match and match["prefix"] and (match["prefix"], match["split"]) not in keys:
            videos = found.get(("", match["split"]))
            if videos is not None:
                found[match["prefix"], match["split"]] = ShardMeta(videos.shards, caption_arrays())
    for (prefix, split), meta in found.items():
        videos = found.get(("", split), meta)
        if dict(videos.shards) != dict(meta.shards):
            result.broken[prefix, split] = []
            result.problems.append(
                f"{folder / prefix}{split}_meta.json lists other videos than {split}_meta beside it; "
                "tokenise the captions again."
            )
    return found


@dataclass
class _Look:
    """What was found in one shard."""

    names: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    items: int = 0
    bytes: int = 0
    without_checksum: int = 0


def _look_at(path: str, meta: ShardMeta, number: int, checksums: bool) -> _Look:
    """Check all arrays of one shard."""
    look = _Look()
    first: np.ndarray | None = None
    for spec in meta.arrays or (None,):
        part = f"{path}{spec.kind if spec else ''}"
        files = [Path(f"{part}_data.npy"), Path(f"{part}_starts.npy")]
        look.names += [file.name for file in files]
        try:
            header, starts = read_header(files[0]), read_array(files[1])
            check_starts(starts, header.shape[0], f"the shard {part}")
        except DataError as error:
            look.problems.append(str(error))
            continue
        look.items += len(starts) - 1
        look.problems += _content_problems(part, header, starts, spec, meta, number)
        if checksums:
            _compare_checksums(files, meta, look)
        if first is not None and not np.array_equal(first, starts):
            look.problems.append(f"The shard {part} has other starts than the other array of this shard.")
        first = starts
    return look


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


def _compare_checksums(files: Sequence[Path], meta: ShardMeta, look: _Look) -> None:
    for file in files:
        if file.name not in meta.sha256:
            look.without_checksum += 1
            continue
        look.bytes += file.stat().st_size
        if sha256(file) != meta.sha256[file.name]:
            look.problems.append(f"The content of {file} does not have the checksum in its meta file.")
