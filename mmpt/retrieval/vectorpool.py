"""VideoVectorPool: one vector per video, in files that all processes of a run share."""

import os
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from mmpt.errors import DataError
from mmpt.store.npyfile import read_array
from mmpt.utils.files import atomic_write

__all__ = ["VideoVectorPool"]


class VideoVectorPool:
    """Pools the vectors of clips to one per video and keeps them in parts of consecutive videos.

    A part is ``<folder>/<key>.<first>-<end>.npy``, float32 (videos, D), written atomically. The key
    stands for all that the vectors depend on, the weights included: parts that are there already, from
    an interrupted run, are as good as new ones.

    Args:
        folder: Where the files are.
        key: What the vectors depend on, as hexadecimal digits.
        videos: Number of videos, N.
        part: Videos in one file.
    """

    def __init__(self, folder: str | os.PathLike[str], key: str, videos: int, part: int) -> None:
        self.folder, self.key = Path(folder), key
        self.parts = [range(first, min(first + part, videos)) for first in range(0, videos, part)]

    @staticmethod
    def pool(pooled_video: torch.Tensor, pooled_text: torch.Tensor, videos: int) -> torch.Tensor:
        """Return the mean over the clips of a video of (pooled_video + pooled_text) / 2.

        Args:
            pooled_video: (videos * S, D), the clips of a video one after the other.
            pooled_text: (videos * S, D).
            videos: Number of videos.

        Returns:
            (videos, D).
        """
        clips = (pooled_video + pooled_text) / 2
        return clips.unflatten(0, (videos, -1)).mean(dim=1)

    def has(self, part: range) -> bool:
        """Return whether a part is written."""
        return self._path(part).exists()

    def write(self, part: range, vectors: NDArray[np.float32]) -> None:
        """Write a part, float32 (len(part), D)."""
        with atomic_write(self._path(part)) as stream:
            np.save(stream, np.asarray(vectors, dtype=np.float32))

    def read(self) -> NDArray[np.float32]:
        """Read all parts, float32 (N, D).

        Raises:
            DataError: If a part is missing or has another number of vectors than videos.
        """
        missing = [part for part in self.parts if not self.has(part)]
        if missing:
            raise DataError(
                f"The file {self._path(missing[0])} does not exist: {len(missing)} of {len(self.parts)} "
                "parts of the video vectors are missing. "
                "All processes must share one fairseq.checkpoint.save_dir."
            )
        vectors = [read_array(self._path(part)) for part in self.parts]
        for part, each in zip(self.parts, vectors, strict=True):
            if each.shape != (len(part), vectors[0].shape[-1]):
                raise DataError(
                    f"The file {self._path(part)} has shape {each.shape}; ({len(part)}, "
                    f"{vectors[0].shape[-1]}) is expected. Delete it and start again."
                )
        return np.concatenate(vectors)

    def remove_others(self) -> None:
        """Delete the files of other keys: those of earlier epochs, 3.7 GB each for HowTo100M."""
        for path in self.folder.glob("*.npy*"):
            if self.key not in path.name:
                path.unlink(missing_ok=True)

    def _path(self, part: range) -> Path:
        return self.folder / f"{self.key}.{part.start}-{part.stop}.npy"
