"""The meta file of a set of shards: which videos are in which shard, and how it was made.

``<prefix><split>_meta.json`` stands beside the shards ``<prefix><split>_<n>...``; the prefix is
``<vfeat_dir>/`` for videos and ``tfeat_dir`` for captions. The original's ``<split>_meta.pkl``
(video ids only) is read too, through the restricted unpickler.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mmpt.errors import DataError
from mmpt.store.safe_pickle import read_pickle
from mmpt.utils.files import read_json, write_json

__all__ = [
    "CAPS_IDS",
    "STARTENDS",
    "ArraySpec",
    "ShardMeta",
    "caption_arrays",
    "check_items",
    "file_split",
    "load_meta",
    "meta_path",
    "partial_path",
    "read_meta",
    "shard_path",
    "video_prefix",
]

FORMAT = "mmpt-shards"
VERSION = 1
_CHECKSUM = "checksum"
DTYPES = ("float16", "float32", "int32")
"""What rows may be."""

STARTENDS = ".startends"
"""Kind of the shards that hold when captions start and end."""
CAPS_IDS = ".caps_ids"
"""Kind of the shards that hold the token ids of captions."""


@dataclass(frozen=True)
class ArraySpec:
    """One array that every shard of a set has."""

    kind: str
    """End of the shard's name: empty for video features, ``.startends`` or ``.caps_ids``."""
    dtype: str
    """Name of the numpy dtype of a row."""
    dim: int
    """Numbers in a row."""


@dataclass(frozen=True)
class ShardMeta:
    """What is in a set of shards."""

    shards: Mapping[int, list[str]]
    """Shard number -> video ids in the order of the items."""
    arrays: tuple[ArraySpec, ...] | None = None
    """None when read from a pickle of the original, which does not say."""
    rows: Mapping[int, int] = field(default_factory=dict)
    """Shard number -> rows (seconds or captions)."""
    sha256: Mapping[str, str] = field(default_factory=dict)
    """File name -> checksum of every file."""
    source: Mapping[str, Any] = field(default_factory=dict)
    """How it was made. Videos: extractor, fps, size, l2_normalize; captions: bert_name, max_tokens..."""

    def to_json(self, split: str) -> dict[str, Any]:
        """Return the content of the JSON file."""
        return {"format": FORMAT, "version": VERSION, "split": split, **asdict(self)}

    def save(self, path: str | os.PathLike[str], split: str) -> None:
        """Write the JSON file with a checksum of its own content, atomically."""
        content = self.to_json(split)
        write_json(path, {**content, _CHECKSUM: _digest(content)})

    @classmethod
    def from_json(cls, path: str | os.PathLike[str]) -> "ShardMeta":
        """Read the JSON file.

        Raises:
            DataError: If it is missing, no shard meta, damaged, or of a later version.
        """
        content = read_json(path)
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise DataError(f"The file {path} is not the meta file of shards: it lacks 'format': '{FORMAT}'.")
        if content.get("version") != VERSION:
            raise DataError(
                f"The file {path} has version {content.get('version')}; this mmpt reads version {VERSION}. "
                "Update mmpt, or pack the shards again."
            )
        checksum = content.pop(_CHECKSUM, None)  # the first files have none
        try:
            meta = cls(
                shards={int(shard): ids for shard, ids in content["shards"].items()},
                arrays=tuple(ArraySpec(**spec) for spec in content["arrays"]),
                rows={int(shard): int(rows) for shard, rows in content["rows"].items()},
                sha256=dict(content["sha256"]),
                source=dict(content["source"]),
            )
            if content.keys() != meta.to_json("").keys():
                raise ValueError(f"it has the keys {', '.join(content)}")
            if checksum is not None and checksum != _digest(content):
                raise ValueError("its content does not have the checksum in it")
            if not _are_shards(meta.shards) or any(
                spec.dtype not in DTYPES or not isinstance(spec.dim, int) for spec in meta.arrays or ()
            ):
                raise ValueError(f"ids must be text, and arrays of {', '.join(DTYPES)}")
            return meta
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(
                f"The file {path} is damaged ({type(error).__name__}: {error}). Make the shards again."
            ) from error


def video_prefix(vfeat_dir: str | os.PathLike[str]) -> str:
    """Return the common beginning of the paths of video shards in ``vfeat_dir``."""
    return os.path.join(os.fspath(vfeat_dir), "")


def file_split(split: str) -> str:
    """Return a split as it stands in file names: ``train``, and ``val`` for ``valid`` and ``test``."""
    return "train" if split == "train" else "val"


def shard_path(prefix: str, split: str, number: int, kind: str = "") -> str:
    """Return what the names of a shard's two files begin with; ``_data.npy`` and ``_starts.npy`` follow."""
    return f"{prefix}{split}_{number}{kind}"


def caption_arrays(max_tokens: int = 32) -> tuple[ArraySpec, ArraySpec]:
    """Return the arrays of caption shards: times in seconds, and token ids padded with -1."""
    return ArraySpec(STARTENDS, "float32", 2), ArraySpec(CAPS_IDS, "int32", max_tokens)


def meta_path(prefix: str, split: str) -> Path:
    """Return the path of the meta file of a finished set of shards."""
    return Path(f"{prefix}{split}_meta.json")


def partial_path(prefix: str, split: str) -> Path:
    """Return the path of the meta file while the set is being written."""
    path = meta_path(prefix, split)
    return path.with_name(f".{path.name}.partial")


def load_meta(prefix: str, split: str) -> ShardMeta:
    """Read the meta file of a set of shards, JSON or the original's pickle.

    Raises:
        DataError: If there is none, it is not whole, or a video stands in it twice.
    """
    path = meta_path(prefix, split)
    old = Path(f"{prefix}{split}_meta.pkl")
    if partial_path(prefix, split).exists():
        raise DataError(
            f"The shards {prefix}{split}_* are not complete: writing them was interrupted. "
            "Run the command that makes them again; it continues where it stopped."
        )
    if path.exists():
        meta = ShardMeta.from_json(path)
    elif old.exists():
        path, meta = old, ShardMeta(_shards_of_pickle(old))
    else:
        raise DataError(
            f"There is neither {path} nor {old.name} beside it: no shards of the split '{split}'. "
            "Make them with mmpt shards pack, or correct vfeat_dir."
        )
    counts = Counter(video_id for ids in meta.shards.values() for video_id in ids)
    twice = [video_id for video_id, count in counts.items() if count > 1]
    if twice:
        raise DataError(
            f"The file {path} lists {len(twice)} videos more than once, the first is '{twice[0]}'."
        )
    return meta


def read_meta(vfeat_dir: str | os.PathLike[str], split: str) -> dict[int, list[str]]:
    """Return ``{shard number: [video id, ...]}`` of the video shards in a folder.

    Args:
        vfeat_dir: Folder of the shards.
        split: ``"train"`` or ``"val"``, as in the file names.

    Raises:
        DataError: As :func:`load_meta`.
    """
    return dict(load_meta(video_prefix(vfeat_dir), split).shards)


def check_items(shard: str, items: int, listed: int | None) -> None:
    """Check that a shard has as many items as the meta file lists videos; None: it lists no such shard.

    Raises:
        DataError: If it does not.
    """
    if items != listed:
        videos = "no such shard" if listed is None else f"{listed} videos"
        raise DataError(
            f"The shard {shard} has {items} items and the meta file lists {videos}; they do not belong "
            "together. Check the folder with: mmpt shards verify FOLDER"
        )


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _shards_of_pickle(path: Path) -> dict[int, list[str]]:
    content = read_pickle(path)
    if not isinstance(content, dict) or not _are_shards(content):
        raise DataError(f"The file {path} is no shard meta: {{shard number: [video id, ...]}} is expected.")
    return dict(content)


def _are_shards(content: Mapping[Any, Any]) -> bool:
    return all(
        isinstance(shard, int)
        and isinstance(ids, list)
        and all(isinstance(video_id, str) for video_id in ids)
        for shard, ids in content.items()
    )
