"""Shards of videos and captions: meta files, every header, whether they fit, and a sample of the numbers."""

import os
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from mmpt.config import DatasetConfig
from mmpt.doctor.features import SAMPLE, extraction
from mmpt.doctor.finding import Finding
from mmpt.doctor.sources import source_of
from mmpt.errors import DataError
from mmpt.store.meta import STARTENDS, ShardMeta, file_split, load_meta, shard_path, video_prefix
from mmpt.store.pretokenize import check_vocabulary

__all__ = ["inspect_shards"]

_TOKENISE = "mmpt shards tokenise scripts/text_token_extractor/configs/bert-base-uncased.yaml"


def inspect_shards(dataset: DatasetConfig, splits: Sequence[str], has_tokenizer: bool) -> Iterator[Finding]:
    """Yield what there is to say of ``dataset.vfeat_dir`` and ``tfeat_dir``.

    Args:
        dataset: The ``dataset`` section.
        splits: Those that the task reads.
        has_tokenizer: Whether ``bert_name`` is there, so that its vocabulary can be compared.
    """
    folder, source = dataset.vfeat_dir or "", source_of(dataset)
    metas: dict[str, ShardMeta] = {}
    for split in dict.fromkeys(map(file_split, splits)):
        what = f"video shards of {split}"
        try:
            metas[split] = load_meta(video_prefix(folder), split)
        except DataError as error:
            todo = extraction(folder, sharded=True)
            yield Finding("missing", what, folder, str(error), source=source, todo=todo)
            continue
        videos = sum(map(len, metas[split].shards.values()))
        yield Finding(
            "ok", what, folder, f"{videos} videos in {len(metas[split].shards)} shards", source=source
        )
        yield from _inspect_numbers(dataset, split, metas[split])
    for split, meta in metas.items():
        yield _inspect_captions(dataset, split, meta, has_tokenizer)
    for place in dict.fromkeys([folder, os.path.dirname(dataset.tfeat_dir or "")] if metas else []):
        yield from _inspect_headers(place)


def _inspect_captions(dataset: DatasetConfig, split: str, meta: ShardMeta, has_tokenizer: bool) -> Finding:
    prefix = str(dataset.tfeat_dir)
    what, source, todo = f"token shards of {split}", source_of(dataset), _tokenisation(dataset)
    files = {number: f"{shard_path(prefix, split, number, STARTENDS)}_data.npy" for number in meta.shards}
    absent = tuple(path for path in files.values() if not os.path.isfile(path))
    if absent:
        message = f"{len(absent)} of {len(files)} video shards have no captions beside them"
        return Finding("missing", what, f"{prefix}*", message, absent, source, todo)
    if has_tokenizer:
        try:
            check_vocabulary(prefix, split, dataset.bert_name, dataset.use_fast)
        except DataError as error:
            return Finding("broken", what, f"{prefix}*", str(error), todo=todo)
    return Finding("ok", what, f"{prefix}*", f"{len(files)} shards", source=source)


def _tokenisation(dataset: DatasetConfig) -> str:
    """Return what is left to do on the way from raw captions to token shards (DATASET.md, steps 4 and 5)."""
    folder = os.path.dirname(dataset.train_path or dataset.val_path or "")
    stem = os.path.basename(str(dataset.tfeat_dir)).split(".")[0]
    if any(os.path.isfile(os.path.join(folder, f"{stem}{suffix}")) for suffix in (".pkl", ".jsonl")):
        return _TOKENISE
    raw = os.path.join(folder, "raw_caption.json")
    commands = f"mmpt shards captions --how2dir {folder or '.'} && {_TOKENISE}"
    return commands if os.path.isfile(raw) else f"put the raw captions at {raw}, then: {commands}"


def _inspect_headers(folder: str) -> Iterator[Finding]:
    problems = _problems(folder)
    if problems:
        message = f"{len(problems)} problems; {problems[0]}"
        todo = f"mmpt shards verify {folder}"
        yield Finding("broken", "shard files", folder, message, problems, todo=todo)


@lru_cache(maxsize=16)
def _problems(folder: str) -> tuple[str, ...]:
    from mmpt.store.verify import verify_shards

    return tuple(verify_shards(folder, checksums=False).problems) if Path(folder).is_dir() else ()


def _inspect_numbers(dataset: DatasetConfig, split: str, meta: ShardMeta) -> Iterator[Finding]:
    """Read some videos: their width, and whether every number is finite."""
    import numpy as np

    from mmpt.store.shards import ShardReader

    folder = dataset.vfeat_dir or ""
    reader = ShardReader.videos(folder, split)
    places = [(number, item) for number, ids in meta.shards.items() for item in range(len(ids))]
    bad, widths = [], set()
    for number, item in places[:: max(1, len(places) // SAMPLE)][:SAMPLE]:
        try:
            rows = reader.read(number, item)
        except DataError:
            continue  # a header that does not fit is reported with the others
        widths.add(rows.shape[1])
        if not np.isfinite(rows).all():
            bad.append(meta.shards[number][item])
    what, todo = f"video shards of {split}", extraction(folder, sharded=True)
    if dataset.vfeat_dim is not None and widths - {dataset.vfeat_dim}:
        message = f"vectors are {', '.join(map(str, widths))} wide; dataset.vfeat_dim is {dataset.vfeat_dim}"
        yield Finding("broken", what, folder, message, todo="correct vfeat_dir, or remove vfeat_dim")
    if bad:
        message = f"{len(bad)} of the sampled videos hold NaN or infinite numbers"
        yield Finding("broken", what, folder, message, tuple(bad), todo=f"extract those videos again: {todo}")
