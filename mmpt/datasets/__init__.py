"""Data sets: items by number, and the builder that makes one from a task configuration."""

from typing import Any

from mmpt.datasets.build import build_dataset
from mmpt.datasets.mmdataset import MMDataset, collate
from mmpt.registry import unknown_attribute

__all__ = ["MMDataset", "build_dataset", "collate"]


def __getattr__(name: str) -> Any:
    if name == "FairseqMMDataset":  # an old public name; needs fairseq
        from mmpt.fairseq_plugin import FairseqMMDataset

        return FairseqMMDataset
    raise unknown_attribute(__name__, name)
