"""Writing numbered shards: a stream of items in, files and a meta file out, in bounded memory.

Every file appears whole or not at all. While a set is being written its meta file is hidden
(``.<split>_meta.json.partial``) and grows shard by shard, so an interrupted run continues where it
stopped and no reader mistakes a part for the whole.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from mmpt.errors import DataError
from mmpt.store.meta import ArraySpec, ShardMeta, meta_path, partial_path, shard_path
from mmpt.store.npyfile import read_header
from mmpt.utils.files import atomic_write, sha256
from mmpt.utils.progress import progress

__all__ = ["ItemLoader", "plan_shards", "write_shards"]

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
        DataError: If an item has another width or holds NaN or infinity, or the folder holds shards
            of the original toolkit, which are never overwritten.
    """
    final, partial = meta_path(prefix, split), partial_path(prefix, split)
    _refuse_shards_of_the_original(prefix, split)
    kept = _reusable(prefix, split, shards, ShardMeta({}, tuple(arrays), source=dict(source)))
    if final.exists() and ShardMeta.from_json(final) == kept:
        return kept
    # From here on the old meta would describe files that are being replaced.
    kept.save(partial, split)
    _remove_left_over(final, kept)
    with progress((), f"{split} shards", total=sum(map(len, shards.values())), unit="video") as bar:
        for number, ids in shards.items():
            if number not in kept.shards:
                paths = {spec: shard_path(prefix, split, number, spec.kind) for spec in arrays}
                rows, checksums = _write_shard(paths, ids, load(ids))
                kept = replace(
                    kept,
                    shards={**kept.shards, number: list(ids)},
                    rows={**kept.rows, number: rows},
                    sha256={**kept.sha256, **checksums},
                )
                kept.save(partial, split)
            bar.update(len(ids))
    kept = replace(kept, shards={number: kept.shards[number] for number in shards})
    kept.save(partial, split)
    os.replace(partial, final)
    return kept


def _refuse_shards_of_the_original(prefix: str, split: str) -> None:
    old_pickle = Path(f"{prefix}{split}_meta.pkl")
    if old_pickle.exists() and not meta_path(prefix, split).exists():
        raise DataError(
            f"{old_pickle} says that shards of the original toolkit are here; they are not overwritten. "
            "Choose another folder, or move them away."
        )


def _reusable(prefix: str, split: str, shards: Mapping[int, Sequence[str]], plan: ShardMeta) -> ShardMeta:
    """Return what an earlier run wrote and this one would write the same."""
    path = next((p for p in (partial_path(prefix, split), meta_path(prefix, split)) if p.exists()), None)
    found = ShardMeta.from_json(path) if path else plan
    if found.arrays != plan.arrays or found.source != plan.source:
        return plan
    arrays = plan.arrays or ()
    paths = {number: shard_path(prefix, split, number) for number in shards}
    keep = {
        number: list(ids)
        for number, ids in shards.items()
        if found.shards.get(number) == list(ids) and _is_whole(paths[number], arrays)
    }
    names = {name for number in keep for name in _file_names(paths[number], arrays)}
    return replace(
        plan,
        shards=keep,
        rows={number: found.rows[number] for number in keep},
        sha256={name: digest for name, digest in found.sha256.items() if name in names},
    )


def _file_names(path: str, arrays: Iterable[ArraySpec]) -> list[str]:
    return [f"{Path(path).name}{spec.kind}_{part}.npy" for spec in arrays for part in ("data", "starts")]


def _is_whole(path: str, arrays: Iterable[ArraySpec]) -> bool:
    try:
        for name in _file_names(path, arrays):
            read_header(Path(path).with_name(name))
    except DataError:
        return False
    return True


def _remove_left_over(final: Path, kept: ShardMeta) -> None:
    if final.exists():
        for name in ShardMeta.from_json(final).sha256:
            if name not in kept.sha256:
                final.with_name(name).unlink(missing_ok=True)
        final.unlink()


def _write_shard(
    paths: Mapping[ArraySpec, str], ids: Sequence[str], items: Iterable[Sequence[np.ndarray]]
) -> tuple[int, dict[str, str]]:
    """Write one shard; return its number of rows and the checksums of its files."""
    with ExitStack() as stack:
        writers = [
            _RowWriter(stack.enter_context(atomic_write(f"{path}_data.npy")), spec)
            for spec, path in paths.items()
        ]
        for video_id, item in zip(ids, items, strict=True):
            for writer, rows in zip(writers, item, strict=True):
                writer.append(rows, video_id)
        for writer in writers:
            writer.finish()
    checksums = {}
    for writer, path in zip(writers, paths.values(), strict=True):
        with atomic_write(f"{path}_starts.npy") as stream:
            np.save(stream, np.array(writer.starts, dtype=np.int64))
        for name in (f"{path}_data.npy", f"{path}_starts.npy"):
            checksums[Path(name).name] = sha256(name)
    return writers[0].starts[-1], checksums


class _RowWriter:
    """Appends rows to a ``.npy`` file whose number of rows is not known yet."""

    def __init__(self, stream: IO[bytes], spec: ArraySpec) -> None:
        self.starts = [0]
        self._stream, self._spec = stream, spec
        self._header()
        self._offset = stream.tell()

    def append(self, rows: np.ndarray, video_id: str) -> None:
        """Write the rows of the next item."""
        if rows.ndim != 2 or rows.shape[1] != self._spec.dim:
            raise DataError(
                f"The data of the video '{video_id}' has the shape {rows.shape}; "
                f"(rows, {self._spec.dim}) is expected."
            )
        with np.errstate(over="ignore"):
            rows = np.ascontiguousarray(rows, dtype=self._spec.dtype)
        if rows.dtype.kind == "f" and not np.isfinite(rows).all():
            raise DataError(
                f"The data of the video '{video_id}' holds NaN, infinity or numbers too large for "
                f"{self._spec.dtype}; make it again or take the video out of the list."
            )
        self._stream.write(rows.tobytes())
        self.starts.append(self.starts[-1] + len(rows))

    def finish(self) -> None:
        """Write the header again, now with the number of rows; numpy reserves the space for it."""
        self._stream.seek(0)
        self._header()
        assert self._stream.tell() == self._offset
        self._stream.seek(0, os.SEEK_END)

    def _header(self) -> None:
        shape = (self.starts[-1], self._spec.dim)
        descr = np.lib.format.dtype_to_descr(np.dtype(self._spec.dtype))
        np.lib.format.write_array_header_1_0(
            self._stream, {"descr": descr, "fortran_order": False, "shape": shape}
        )
