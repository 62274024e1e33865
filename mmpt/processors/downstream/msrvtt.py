"""MSR-VTT (Xu et al., CVPR 2016): short clips with 20 sentences each; retrieval on the 1k-A split.

Files: ``MSRVTT_train.csv`` (column ``video_id``), ``MSRVTT_JSFUSION_test.csv`` and
``MSRVTT_FULL_test.csv`` (``video_id,sentence`` among others), and ``MSRVTT_data.json`` with all sentences.
"""

from collections import defaultdict
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from mmpt.config import DatasetConfig
from mmpt.errors import ConfigError, DataError
from mmpt.processors.processor import MetaProcessor, TextProcessor
from mmpt.processors.textfiles import needed, read_table, text_of
from mmpt.utils.files import read_json

__all__ = ["MSRVTTMetaProcessor", "MSRVTTNLGTextProcessor", "MSRVTTTextProcessor", "read_sentences"]


class MSRVTTMetaProcessor(MetaProcessor):
    """Lists (video_id, video_id) for training, (video_id, sentence) otherwise.

    Training joins the videos of ``full_test_path`` that are not in ``jsfusion_path`` (the split of
    9k training videos) and repeats the list ``dup`` times, each time with another sentence.

    Args:
        config: The ``dataset`` section.

    Raises:
        DataError: If a table is missing, lacks a column or a sentence.
    """

    def __init__(self, config: DatasetConfig) -> None:
        super().__init__(config)
        if self.split == "train":
            videos = _video_ids(self.path)
            if config.full_test_path is not None:
                held_out = set(_video_ids(needed(config, "jsfusion_path", self)))
                videos += [video for video in _video_ids(config.full_test_path) if video not in held_out]
            self.data = [(video, video) for video in videos]
        else:
            self.data = [
                (
                    row["video_id"],
                    text_of(row["sentence"], f"video '{row['video_id']}' (line {line} of {self.path})"),
                )
                for line, row in read_table(self.path, ["video_id", "sentence"])
            ]
        self.drop_missing_features(config.vfeat_dir)
        if self.split == "train":
            if config.json_path is not None:
                sentences = read_sentences(config.json_path)
                self.drop(f"without a sentence in {config.json_path}", lambda video: video not in sentences)
            self.data = list(self.data) * (config.dup or 1)


class MSRVTTTextProcessor(TextProcessor):
    """Tokenises a sentence; in training, a random one of the video's sentences in ``json_path``.

    Args:
        config: The ``dataset`` section.
    """

    uses_rng: ClassVar[bool] = True

    def __init__(self, config: DatasetConfig) -> None:
        super().__init__(config)
        self.path: str | None = None
        if config.split == "train":
            self.path = needed(config, "json_path", self)
            self.sentences = read_sentences(self.path)

    def __call__(self, text_id: str, *, rng: np.random.Generator | None = None) -> Any:
        """Return token ids without special tokens, a list of int.

        Args:
            text_id: A sentence; in training the id of a video.
            rng: Source of all randomness; needed in training only.

        Raises:
            ConfigError: If ``rng`` is missing in training.
            DataError: If the video has no sentence.
        """
        return super().__call__(self._sentence(text_id, rng))

    def _sentence(self, text_id: str, rng: np.random.Generator | None) -> str:
        if self.path is None:
            return text_id
        if rng is None:
            raise ConfigError(
                f"In training {type(self).__name__} draws one of the video's sentences: give it "
                "rng=numpy.random.default_rng(seed), or take the items of mmpt.datasets.MMDataset."
            )
        if text_id not in self.sentences:
            raise DataError(f"Video '{text_id}' has no sentence in {self.path}.")
        choices = self.sentences[text_id]
        return choices[rng.integers(len(choices))]


class MSRVTTNLGTextProcessor(MSRVTTTextProcessor):
    """MSRVTTTextProcessor for captioning: it also hands on the sentence itself, as the reference.

    Args:
        config: The ``dataset`` section.
    """

    def __call__(self, text_id: str, *, rng: np.random.Generator | None = None) -> tuple[list[int], str]:
        """Return (token ids without special tokens, the sentence).

        Args:
            text_id: A sentence; in training the id of a video.
            rng: Source of all randomness; needed in training only.

        Raises:
            ConfigError: If ``rng`` is missing in training.
            DataError: If the video has no sentence, or the text is no string.
        """
        sentence = self._sentence(text_id, rng)
        return TextProcessor.__call__(self, sentence), sentence


@lru_cache(maxsize=2)
def read_sentences(path: str) -> dict[str, list[str]]:
    """Read ``{"sentences": [{"video_id": ..., "caption": ...}, ...]}``: video id -> its sentences.

    Raises:
        DataError: If the file has another form, or an id or a caption is no text.
    """
    content = read_json(path)
    if not isinstance(content, dict) or not isinstance(content.get("sentences"), list):
        raise DataError(f"The file {path} has no list 'sentences'; the JSON file of MSR-VTT is expected.")
    sentences: dict[str, list[str]] = defaultdict(list)
    for number, entry in enumerate(content["sentences"]):
        if not isinstance(entry, dict) or not {"video_id", "caption"} <= entry.keys():
            raise DataError(f"Sentence {number} of {path} is {entry!r}; it needs 'video_id' and 'caption'.")
        video = text_of(entry["video_id"], f"'video_id' in sentence {number} of {path}")
        sentences[video].append(text_of(entry["caption"], f"video '{video}' (sentence {number} of {path})"))
    return dict(sentences)


def _video_ids(path: str) -> list[str]:
    return [row["video_id"] for _, row in read_table(path, ["video_id"])]
