"""Processors: from files to model inputs. The way of one item is drawn in :mod:`mmpt.processors.processor`.

``captiontrack``, ``clip_sampling`` and ``layout`` are what the aligners are made of; ``how2processor``
and ``downstream`` hold one data set per file.
"""

from mmpt.processors.aligners import (
    FixedLenAligner,
    OverlappedAligner,
    StartClipAligner,
    VariedLenAligner,
)
from mmpt.processors.downstream.folder import FolderMetaProcessor
from mmpt.processors.downstream.msrvtt import MSRVTTMetaProcessor, MSRVTTTextProcessor
from mmpt.processors.downstream.youcook import YoucookMetaProcessor, YoucookVideoProcessor
from mmpt.processors.dsprocessor import DSAligner
from mmpt.processors.how2processor import (
    How2MetaProcessor,
    PKLJSONStrTextProcessor,
    ShardedHow2MetaProcessor,
    ShardedTextProcessor,
    ShardedVideoProcessor,
)
from mmpt.processors.how2retriprocessor import (
    ShardedHow2VideoRetriMetaProcessor,
    ShardedVideoRetriTextProcessor,
    ShardedVideoRetriVideoProcessor,
    VideoRetriAligner,
    VideoRetriOverlappedAligner,
)
from mmpt.processors.processor import Aligner, MetaProcessor, Processor, TextProcessor, VideoProcessor

__all__ = [
    "Aligner",
    "DSAligner",
    "FixedLenAligner",
    "FolderMetaProcessor",
    "How2MetaProcessor",
    "MSRVTTMetaProcessor",
    "MSRVTTTextProcessor",
    "MetaProcessor",
    "OverlappedAligner",
    "PKLJSONStrTextProcessor",
    "Processor",
    "ShardedHow2MetaProcessor",
    "ShardedHow2VideoRetriMetaProcessor",
    "ShardedTextProcessor",
    "ShardedVideoProcessor",
    "ShardedVideoRetriTextProcessor",
    "ShardedVideoRetriVideoProcessor",
    "StartClipAligner",
    "TextProcessor",
    "VariedLenAligner",
    "VideoProcessor",
    "VideoRetriAligner",
    "VideoRetriOverlappedAligner",
    "YoucookMetaProcessor",
    "YoucookVideoProcessor",
]
