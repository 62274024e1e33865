"""A model as a folder: which files it has, that it appears whole, and that nothing in it runs code.

::

    my_model/
        README.md            the model card
        mmpt.json            the manifest: sizes and checksums of all other files, facts about the model
        task.yaml            the task, as far as inference needs it
        model.safetensors    the weights
        bert/                the tokenizer, and the shape of BERT
        video_encoder/       the weights of the video encoder, if they were copied
"""

import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmpt.errors import CheckpointError, DataError
from mmpt.utils.files import TEMPORARY, read_json, sha256, unwritable, write_json

__all__ = [
    "BERT",
    "CARD",
    "MANIFEST",
    "TASK",
    "VIDEO_ENCODER",
    "WEIGHTS",
    "file_facts",
    "is_model_folder",
    "new_model_folder",
    "read_manifest",
    "weight_file",
    "write_manifest",
]

MANIFEST, CARD, TASK, WEIGHTS = "mmpt.json", "README.md", "task.yaml", "model.safetensors"
BERT, VIDEO_ENCODER = "bert", "video_encoder"
_FORMAT = 1


def is_model_folder(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is a folder with a manifest."""
    return (Path(path) / MANIFEST).is_file()


def weight_file(path: str | os.PathLike[str]) -> Path:
    """Return the file of weights at a path: that of a model's folder, else the path itself."""
    return Path(path) / WEIGHTS if is_model_folder(path) else Path(path)


def file_facts(folder: Path) -> dict[str, dict[str, Any]]:
    """Return size and checksum of all files in a folder, by their names in it."""
    return {
        name: {"bytes": (folder / name).stat().st_size, "sha256": sha256(folder / name)}
        for name in _names(folder)
    }


def write_manifest(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write the manifest over the files that are there, as the last one: without it a folder is no model."""
    files = {name: each for name, each in file_facts(folder).items() if name != MANIFEST}
    write_json(folder / MANIFEST, {"format": _FORMAT, **facts, "files": files})


def read_manifest(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what the manifest of a model's folder says.

    Raises:
        CheckpointError: If it is damaged or of another version, or a file is missing or has another size.
    """
    manifest = _manifest(Path(folder))
    for name, each in manifest["files"].items():
        path = Path(folder) / name
        size = path.stat().st_size if path.is_file() else None
        if name != CARD and size != each["bytes"]:  # people edit the card
            state = "is missing" if size is None else f"has {size} bytes"
            raise CheckpointError(
                f"The file {path} {state}, and {MANIFEST} beside it says {each['bytes']} bytes. "
                "Copy or save the model again."
            )
    return manifest


@contextmanager
def new_model_folder(folder: Path) -> Iterator[Path]:
    """Give an empty folder to fill, which takes the place of ``folder`` when the block ends without error.

    A process that is killed leaves a hidden folder behind, which the next call removes, and ``folder`` as it
    was; killed at the very moment of the exchange, it leaves none.

    Raises:
        DataError: If ``folder`` holds anything that no save wrote, or cannot be written.
    """
    _refuse_foreign(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        for left in [each for each in folder.parent.iterdir() if each.name.startswith(f".{folder.name}.")]:
            if TEMPORARY.fullmatch(left.name):
                shutil.rmtree(left)
        filled, replaced = (
            folder.with_name(f".{folder.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}.tmp") for _ in range(2)
        )
        filled.mkdir()
    except OSError as error:
        raise unwritable(folder, error) from error
    try:
        yield filled
        if folder.exists():
            folder.rename(replaced)
        filled.rename(folder)
    except OSError as error:
        if replaced.exists():
            replaced.rename(folder)
        raise unwritable(folder, error) from error
    finally:
        shutil.rmtree(filled, ignore_errors=True)
        shutil.rmtree(replaced, ignore_errors=True)


def _refuse_foreign(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder} is a file; give a folder for the model.")
    known = {MANIFEST, *_manifest(folder)["files"]} if is_model_folder(folder) else set()
    foreign = [name for name in _names(folder) if name not in known]
    if foreign:
        raise DataError(
            f"The folder {folder} holds {foreign[0]}, which is no part of a saved model, and would lose it. "
            "Choose a new folder, or move that away."
        )


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        manifest = read_json(path)
    except DataError as error:
        raise CheckpointError(str(error)) from error
    if not isinstance(manifest, dict) or manifest.get("format") != _FORMAT:
        found = manifest.get("format") if isinstance(manifest, dict) else None
        raise CheckpointError(f"{path} is no manifest of format {_FORMAT} (its 'format' is {found!r}).")
    return manifest


def _names(folder: Path) -> list[str]:
    files = (path for path in folder.rglob("*") if not path.is_dir())
    return sorted(path.relative_to(folder).as_posix() for path in files)
