"""YouCook2 (Zhou et al., AAAI 2018): steps of cooking videos, each with a sentence and a time span.

Files: for retrieval a pickle with a list of ``{"id": "<video>_<clip>", "caption": ...}`` per split, for
captioning ``train_list.txt`` and ``val_list.txt`` with lines ``<recipe>/<video>``; and
``youcookii_annotations_trainval.json`` with the span and sentence of every clip.
"""

from typing import Any

from mmpt.config import DatasetConfig
from mmpt.errors import DataError
from mmpt.processors.featurelength import feature_seconds
from mmpt.processors.processor import MetaProcessor, VideoProcessor
from mmpt.processors.textfiles import needed, read_ids, seconds_of, text_of
from mmpt.store.safe_pickle import read_pickle
from mmpt.utils.files import read_json

__all__ = ["YoucookMetaProcessor", "YoucookNLGMetaProcessor", "YoucookVideoProcessor"]


class _YoucookClips(MetaProcessor):
    """Base of the lists of ((video_id, start, end), sentence)."""

    def drop_unusable(self, vfeat_dir: str | None) -> None:
        """Record in ``dropped`` the clips of videos without features, and those after the last feature."""
        self.drop_missing_features(vfeat_dir)
        if vfeat_dir is not None:
            seconds = feature_seconds(vfeat_dir)
            self.drop_entries(
                f"beginning after the end of the features in {vfeat_dir}",
                lambda clip, _: int(clip[1]) >= seconds(clip[0]),
            )


class YoucookMetaProcessor(_YoucookClips):
    """Lists ((video_id, start, end), sentence) for every clip of a pickle.

    Clips without features are left out and recorded in ``dropped``.

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
                sentence = annotation["sentence"] if config.use_annotation_text else clip["caption"]
                segment = annotation["segment"]
            except (KeyError, IndexError, TypeError) as error:
                raise DataError(
                    f"There is no {where} with a segment, or no text for it "
                    f"({type(error).__name__}: {error}); it is asked for by {self.path}."
                ) from error
            source = where if config.use_annotation_text else f"clip '{clip['id']}' of {self.path}"
            self.data.append(((video, *_span(segment, where)), text_of(sentence, source)))
        self.drop_unusable(config.vfeat_dir)


class YoucookNLGMetaProcessor(_YoucookClips):
    """Lists ((video_id, start, end), sentence) for every annotated clip of the listed videos.

    Videos without an annotated clip and clips without features are left out and recorded in ``dropped``.

    Args:
        config: The ``dataset`` section: the list of the split, ``trainval_annotation``, ``vfeat_dir``.

    Raises:
        DataError: If a file is missing or of another form.
    """

    def __init__(self, config: DatasetConfig) -> None:
        super().__init__(config)
        annotation_path = needed(config, "trainval_annotation", self)
        annotations = _database(annotation_path)
        videos = [line.rsplit("/", 1)[-1] for line in read_ids(self.path)]
        clips = [
            (video, _annotated_clips(annotations[video], video, annotation_path))
            for video in videos
            if video in annotations
        ]
        self.data = [((video, *span), sentence) for video, found in clips for span, sentence in found]
        annotated = {video for video, found in clips if found}
        bare = [video for video in videos if video not in annotated]
        if bare:
            self.dropped = {f"videos without an annotated clip in {annotation_path}": bare}
        self.drop_unusable(config.vfeat_dir)


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


def _annotated_clips(entry: Any, video: str, path: str) -> list[tuple[tuple[float, float], str]]:
    clips = entry.get("annotations") if isinstance(entry, dict) else None
    if not isinstance(clips, list):
        raise DataError(f"The video '{video}' of {path} has no list 'annotations'.")
    found = []
    for number, clip in enumerate(clips):
        where = f"clip '{video}_{number}' of {path}"
        if not isinstance(clip, dict) or not {"segment", "sentence"} <= clip.keys():
            raise DataError(f"There is no segment, or no sentence, in {where}: {clip!r}.")
        found.append((_span(clip["segment"], where), text_of(clip["sentence"], where)))
    return found


def _span(segment: Any, where: str) -> tuple[float, float]:
    if not isinstance(segment, list) or len(segment) != 2:
        raise DataError(f"The segment of {where} is {segment!r}; [start, end] in seconds is expected.")
    start, end = seconds_of(segment[0], "start", where), seconds_of(segment[1], "end", where)
    if not 0 <= start < end:
        raise DataError(f"The segment of {where} is {start} to {end}; 0 <= start < end is expected.")
    return start, end
