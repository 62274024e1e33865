"""YouCook2 (Zhou et al., AAAI 2018): steps of cooking videos, each with a sentence and a time span.

Files: a pickle with a list of ``{"id": "<video>_<clip>", "caption": ...}`` per split, and
``youcookii_annotations_trainval.json`` with the span and sentence of every clip.
"""

from typing import Any

from mmpt.config import DatasetConfig
from mmpt.errors import DataError
from mmpt.processors.processor import MetaProcessor, VideoProcessor
from mmpt.processors.textfiles import needed, seconds_of, text_of
from mmpt.store.safe_pickle import read_pickle
from mmpt.utils.files import read_json

__all__ = ["YoucookMetaProcessor", "YoucookVideoProcessor"]


class YoucookMetaProcessor(MetaProcessor):
    """Lists ((video_id, start, end), sentence) for every clip.

    Videos without a feature file are left out and recorded in ``dropped``.

    Args:
        config: The ``dataset`` section: the pickle of the split, ``trainval_annotation``,
            ``use_annotation_text``, ``vfeat_dir``.

    Raises:
        DataError: If a file is missing or of another form, or a clip has no annotation.
    """

    def __init__(self, config: DatasetConfig) -> None:
        super().__init__(config)
        annotation_path = needed(config, "trainval_annotation", self)
        annotations = _database(annotation_path)
        self.data = []
        for clip in _clips(self.path):
            video, number = _parts(clip["id"], self.path)
            where = f"clip '{clip['id']}' of {annotation_path}"
            try:
                annotation = annotations[video]["annotations"][number]
                start, end = annotation["segment"]
                sentence = annotation["sentence"] if config.use_annotation_text else clip["caption"]
            except (KeyError, IndexError, TypeError, ValueError) as error:
                raise DataError(
                    f"There is no {where} with a segment, or no text for it "
                    f"({type(error).__name__}: {error}); it is asked for by {self.path}."
                ) from error
            span = seconds_of(start, "start", where), seconds_of(end, "end", where)
            source = where if config.use_annotation_text else f"clip '{clip['id']}' of {self.path}"
            self.data.append(((video, *span), text_of(sentence, source)))
        self.drop_missing_features(config.vfeat_dir)


class YoucookVideoProcessor(VideoProcessor):
    """Reads the seconds [start, end) of a video: VideoProcessor with ids ``(video_id, start, end)``."""


def _database(path: str) -> dict[str, Any]:
    content = read_json(path)
    if not isinstance(content, dict) or not isinstance(content.get("database"), dict):
        raise DataError(f"The file {path} has no 'database'; the annotations of YouCook2 are expected.")
    return content["database"]


def _clips(path: str) -> list[dict[str, Any]]:
    clips = read_pickle(path)
    if not isinstance(clips, list) or not all(isinstance(clip, dict) and "id" in clip for clip in clips):
        raise DataError(f"The file {path} is no list of {{'id': '<video>_<clip>', 'caption': ...}}.")
    return clips


def _parts(clip_id: str, path: str) -> tuple[str, int]:
    video, _, number = str(clip_id).rpartition("_")
    if not video or not number.isdecimal():
        raise DataError(f"The id '{clip_id}' in {path} is not of the form <video>_<clip number>.")
    return video, int(number)
