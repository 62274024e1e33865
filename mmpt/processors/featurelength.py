"""How long the videos are, as far as their features tell: annotations may go on after the last one."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from mmpt.store.npyfile import read_header

__all__ = ["feature_seconds"]


def feature_seconds(vfeat_dir: str) -> Callable[[str], int]:
    """Return a function: id of a video -> rows of ``<vfeat_dir>/<id>.npy``, which are seconds.

    It reads the header of a file, once. It raises DataError if the file is missing or broken.
    """

    @cache
    def seconds(video: str) -> int:
        return read_header(Path(vfeat_dir) / f"{video}.npy").shape[0]

    return seconds
