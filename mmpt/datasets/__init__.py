"""Data sets: items by number, and the builder that makes one from a task configuration."""

from typing import Any

from mmpt.datasets.build import build_dataset
from mmpt.datasets.mmdataset import MMDataset, collate

__all__ = ["FairseqMMDataset", "MMDataset", "build_dataset", "collate"]


def __getattr__(name: str) -> Any:
    # The old public name; importing it needs fairseq, importing this package does not.
    if name == "FairseqMMDataset":
        from mmpt.fairseq_plugin import FairseqMMDataset

        return FairseqMMDataset
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
