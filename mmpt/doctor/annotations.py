"""Lists and annotation files: whether they are there, and what the splits made of them hold.

A split is read by the meta processor that training and evaluation use, so that what is reported here
is what they meet.
"""

import os
from collections.abc import Iterator, Sequence

from mmpt.catalog import META_PROCESSORS
from mmpt.config import DatasetConfig
from mmpt.doctor.features import extraction
from mmpt.doctor.finding import Finding, Status
from mmpt.doctor.sources import source_of
from mmpt.errors import MMPTError

__all__ = ["inspect_files", "inspect_splits", "is_sharded"]

_LISTS = {"train": "train_path", "valid": "val_path", "test": "test_path"}
_FILES = (
    "jsfusion_path",
    "full_test_path",
    "json_path",
    "caption_path",
    "trainval_annotation",
    "train_csv_path",
    "val_csv_path",
    "primary_path",
    "related_path",
    "annotation_path",
)
"""Keys of ``dataset`` that name a file, or the one folder of annotations, in every split."""


def is_sharded(dataset: DatasetConfig) -> bool:
    """Return whether the data is read from shards."""
    return dataset.tfeat_dir is not None


def inspect_files(dataset: DatasetConfig, splits: Sequence[str]) -> Iterator[Finding]:
    """Yield one finding for each file that the ``dataset`` section names and the splits need."""
    keys = [*(_LISTS[split] for split in splits), *_FILES]
    for path in dict.fromkeys(dataset.get(key) for key in keys):
        if path is not None:
            yield _inspect_file(dataset, path)


def _inspect_file(dataset: DatasetConfig, path: str) -> Finding:
    source, fault = source_of(dataset, path), ""
    if os.path.isdir(path) and path == dataset.annotation_path:
        content = f"{len(os.listdir(path))} files"
        fault = "" if os.listdir(path) else "is empty"
    elif not os.path.isfile(path):
        fault = "is no file" if os.path.exists(path) else "is not there"
    else:
        content = f"{os.path.getsize(path):,} bytes".replace(",", " ")
        fault = "" if os.path.getsize(path) else "is empty"
    if not fault:
        return Finding("ok", "annotations", path, content, source=source)
    status: Status = "broken" if os.path.exists(path) else "missing"
    return Finding(status, "annotations", path, fault, source=source, todo=_todo(dataset, path))


def _todo(dataset: DatasetConfig, path: str) -> str:
    if is_sharded(dataset):
        return f"write {path}, one video id per line (DATASET.md, steps 1 and 2)"
    if dataset.meta_processor == "FolderMetaProcessor":
        return f"write {path}, a table video_id,text[,start,end] (DATASET.md, Your own features)"
    source = source_of(dataset, path)
    return f"get {path} from {source}" if source else f"put it at {path}"


def inspect_splits(dataset: DatasetConfig, splits: Sequence[str]) -> Iterator[Finding]:
    """Yield what the splits hold: how many items, and what is left out or has no effect, and why.

    Only to be called where the files of :func:`inspect_files` are there.
    """
    for split in splits:
        yield from _inspect_split(dataset.replace(split=split))


def _inspect_split(dataset: DatasetConfig) -> Iterator[Finding]:
    # Without the folder of features, what the lists hold can still be said.
    if not is_sharded(dataset) and not os.path.isdir(dataset.vfeat_dir or ""):
        dataset = dataset.replace(vfeat_dir=None)
    what, source = f"items of the {dataset.split} split", source_of(dataset)
    try:
        meta = META_PROCESSORS.get(str(dataset.meta_processor))(dataset)
    except MMPTError as error:
        yield Finding("broken", what, "", str(error), source=source, todo="correct or replace that file")
        return
    dropped = {reason: tuple(dict.fromkeys(ids)) for reason, ids in meta.dropped.items()}
    left_out = sum(len(ids) for ids in meta.dropped.values())
    count = f"{len(meta)} items" + (f", {left_out} left out" if left_out else "")
    todo = "" if len(meta) else "correct the list, or the folders beside it in the task file"
    yield Finding("broken" if todo else "ok", what, meta.path, count, source=source, todo=todo)
    for reason, names in dropped.items():
        lacks = "without a feature file" in reason or "in no shard" in reason
        todo = extraction(dataset.vfeat_dir or "", is_sharded(dataset)) if lacks else ""
        message = f"{len(names)} videos of the {dataset.split} split are left out: {reason}"
        yield Finding("missing" if lacks else "note", what, meta.path, message, names, source, todo)
    for reason, parts in getattr(meta, "ignored", {}).items():
        message = f"{len(parts)} {reason}; they have no effect"
        yield Finding("note", what, meta.path, message, tuple(parts), source)
