"""Registers mmpt with fairseq: ``fairseq-train --user-dir mmpt`` imports every file of this folder."""

from mmpt.fairseq_plugin import FairseqMMTask

__all__ = ["FairseqMMTask"]
