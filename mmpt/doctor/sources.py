"""Where data sets and weights come from: their names and their own pages."""

import os
from typing import NamedTuple

from mmpt.config import DatasetConfig

__all__ = ["BERT", "S3D", "Source", "source_of", "video_source_of"]


class Source(NamedTuple):
    """A data set or a set of weights."""

    name: str
    page: str

    def __str__(self) -> str:
        return f"{self.name}, {self.page}" if self.page else self.name


S3D = Source("S3D_HowTo100M", "https://github.com/antoine77340/S3D_HowTo100M")
BERT = Source("BERT", "https://huggingface.co/bert-base-uncased")

_HOW2 = Source("HowTo100M", "https://github.com/antoine77340/howto100m")
_MSRVTT = Source(
    "MSR-VTT",
    "https://www.microsoft.com/en-us/research/publication/"
    "msr-vtt-a-large-video-description-dataset-for-bridging-video-and-language/",
)
_MULTIPLE_CHOICE = Source("JSFusion (multiple choice on MSR-VTT)", "https://github.com/yj-yu/lsmdc")
_YOUCOOK = Source("YouCook2", "http://youcook2.eecs.umich.edu/")

_OF_META_PROCESSOR = {
    "How2MetaProcessor": _HOW2,
    "ShardedHow2MetaProcessor": _HOW2,
    "ShardedHow2VideoRetriMetaProcessor": _HOW2,
    "MSRVTTMetaProcessor": _MSRVTT,
    "MSRVTTQAMetaProcessor": _MULTIPLE_CHOICE,
    "YoucookMetaProcessor": _YOUCOOK,
    "YoucookNLGMetaProcessor": _YOUCOOK,
    "CrossTaskMetaProcessor": Source("CrossTask", "https://github.com/DmZhukov/CrossTask"),
    "COINActionSegmentationMetaProcessor": Source("COIN", "https://coin-dataset.github.io/"),
    "DiDeMoMetaProcessor": Source("DiDeMo", "https://github.com/LisaAnne/LocalizingMoments"),
}


_EVALUATION = Source(
    "metadata_eval.zip of HowTo100M's evaluation code", "https://github.com/antoine77340/howto100m"
)
_OF_FILE = {
    "MSRVTT_data.json": _EVALUATION,
    "MSRVTT_train.csv": _EVALUATION,
    "MSRVTT_JSFUSION_test.csv": _EVALUATION,
    "MSRVTT_FULL_test.csv": Source("the command in DATASET.md, which writes it", ""),
    "youcook_train.pkl": _EVALUATION,
    "youcook_val.pkl": _EVALUATION,
}
"""Files that the page of their data set does not have, by name."""


def source_of(dataset: DatasetConfig, path: str = "") -> Source | None:
    """Return where the file ``path`` of a ``dataset`` section comes from; None for a user's own data.

    Without a path, where the data set itself comes from.
    """
    source = _OF_META_PROCESSOR.get(dataset.meta_processor or "")
    return _OF_FILE.get(os.path.basename(path), source) if source else None


def video_source_of(dataset: DatasetConfig) -> Source | None:
    """Return where the videos come from, which is not where the questions about them do."""
    source = source_of(dataset)
    return _MSRVTT if source is _MULTIPLE_CHOICE else source
