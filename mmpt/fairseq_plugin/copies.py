"""Checkpoints are whole or not there: fairseq writes the first file of a save so, and not its copies."""

import shutil
from pathlib import Path

from fairseq.file_io import PathManager

from mmpt.utils.files import atomic_write

__all__ = ["copy_whole_files"]


def copy_whole_files() -> None:
    """Have fairseq copy checkpoints by way of a temporary file that takes the place of the old one.

    A run that is killed while ``checkpoint_last.pt`` or ``checkpoint_best.pt`` is copied keeps the file
    of the save before, and can be resumed. The temporary name is the one that fairseq itself fills.
    """
    copy = PathManager.copy

    def copy_whole(src_path: str, dst_path: str, overwrite: bool = False) -> bool:
        if not PathManager.supports_rename(dst_path):  # an object store shows nothing but whole files
            return copy(src_path, dst_path, overwrite=overwrite)
        with (
            open(src_path, "rb") as source,
            atomic_write(dst_path, temporary=Path(f"{dst_path}.tmp")) as target,
        ):
            shutil.copyfileobj(source, target)
        return True

    PathManager.copy = staticmethod(copy_whole)
