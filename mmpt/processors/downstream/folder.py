"""Your own data: a table and a folder of features.

``dataset.<split>_path`` names a CSV file with the columns ``video_id,text`` and, if a row is about
a part of a video, ``start,end`` in seconds; ``dataset.vfeat_dir`` holds ``<video_id>.npy``,
(seconds, D). Use it with ``VideoProcessor``, ``TextProcessor`` and ``DSAligner``::

    video_id,text,start,end
    kitchen01,"cut the onion, then fry it",3,9.5
    kitchen02,stir the soup,,
"""

from typing import Any

from mmpt.config import DatasetConfig
from mmpt.errors import DataError
from mmpt.processors.processor import MetaProcessor
from mmpt.processors.textfiles import read_table, seconds_of, text_of

__all__ = ["FolderMetaProcessor"]


class FolderMetaProcessor(MetaProcessor):
    """Lists (video_id, text), or ((video_id, start, end), text) for rows with a time span.

    Rows whose video has no feature file are left out and recorded in ``dropped``.

    Args:
        config: The ``dataset`` section: the table of the split, ``vfeat_dir``.

    Raises:
        DataError: If the table is missing or damaged, or a cell is empty or no number.
    """

    def __init__(self, config: DatasetConfig) -> None:
        super().__init__(config)
        self.data = [
            self._pair(row, f"video '{row['video_id']}' (line {line} of {self.path})")
            for line, row in read_table(self.path, ["video_id", "text"])
        ]
        self.drop_missing_features(config.vfeat_dir)

    def _pair(self, row: dict[str, str], where: str) -> tuple[Any, str]:
        video, text = row["video_id"], text_of(row["text"], where)
        if not video:
            raise DataError(f"The video_id of {where} is empty.")
        if not row.get("start") and not row.get("end"):
            return video, text
        start, end = seconds_of(row.get("start"), "start", where), seconds_of(row.get("end"), "end", where)
        if not 0 <= start < end:
            raise DataError(f"The span of {where} is {start} to {end}; 0 <= start < end is expected.")
        return (video, start, end), text
