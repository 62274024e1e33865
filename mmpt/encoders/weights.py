"""Which weights were used: a short text for the record."""

import hashlib
import os
from pathlib import Path

from mmpt.utils.files import sha256

__all__ = ["weights_label"]


def weights_label(path: str | os.PathLike[str]) -> str:
    """Return name and first 16 digits of the checksum of a weight file, or of all files of a folder."""
    path = Path(path)
    if path.is_file():
        return f"{path.name} {sha256(path)[:16]}"
    # Files of a model's folder, hidden ones (caches of downloads) left out.
    names = sorted(
        file.relative_to(path)
        for file in path.rglob("*")
        if file.is_file() and not any(part.startswith(".") for part in file.relative_to(path).parts)
    )
    digest = hashlib.sha256("".join(f"{name.as_posix()} {sha256(path / name)}\n" for name in names).encode())
    return f"{path.resolve().name} {digest.hexdigest()[:16]}"
