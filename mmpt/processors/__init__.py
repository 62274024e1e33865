"""Processors: from files to model inputs. The way of one item is drawn in :mod:`mmpt.processors.processor`.

``captiontrack``, ``clip_sampling`` and ``layout`` are what the aligners are made of; ``how2processor``
and ``downstream`` hold one data set per file.
"""

from typing import TYPE_CHECKING, Any

from mmpt.catalog import ALIGNERS, META_PROCESSORS, TEXT_PROCESSORS, VIDEO_PROCESSORS
from mmpt.processors.aligners import (
    FixedLenAligner,
    OverlappedAligner,
    StartClipAligner,
    VariedLenAligner,
)
from mmpt.processors.attention_masks import MMAttentionMask2DProcessor
from mmpt.processors.downstream.coin import (
    COINActionSegmentationAligner,
    COINActionSegmentationMetaProcessor,
    COINActionSegmentationTextProcessor,
)
from mmpt.processors.downstream.crosstask import (
    CrossTaskAligner,
    CrossTaskMetaProcessor,
    CrossTaskTextProcessor,
    CrossTaskVideoProcessor,
)
from mmpt.processors.downstream.didemo import DiDeMoAligner, DiDeMoMetaProcessor, DiDeMoTextProcessor
from mmpt.processors.downstream.folder import FolderMetaProcessor
from mmpt.processors.downstream.msrvtt import MSRVTTMetaProcessor, MSRVTTNLGTextProcessor, MSRVTTTextProcessor
from mmpt.processors.downstream.msrvtt_qa import MSRVTTQAAligner, MSRVTTQAMetaProcessor, MSRVTTQATextProcessor
from mmpt.processors.downstream.youcook import (
    YoucookMetaProcessor,
    YoucookNLGMetaProcessor,
    YoucookVideoProcessor,
)
from mmpt.processors.dsprocessor import DSAligner, MetaTextBinarizer
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
from mmpt.processors.masking import FrameMaskingProcessor, TextGenerationProcessor, TextMaskingProcessor
from mmpt.processors.mfmmlm import MFMMLMAligner
from mmpt.processors.milnce import How2MILNCEAligner
from mmpt.processors.nlg import DSNLGAligner, NLGTextProcessor
from mmpt.processors.processor import Aligner, MetaProcessor, Processor, TextProcessor, VideoProcessor
from mmpt.registry import unknown_attribute

if TYPE_CHECKING:
    from mmpt.processors.dedupprocessor import CaptionDedupProcessor

__all__ = [
    "Aligner",
    "COINActionSegmentationAligner",
    "COINActionSegmentationMetaProcessor",
    "COINActionSegmentationTextProcessor",
    "CaptionDedupProcessor",
    "CrossTaskAligner",
    "CrossTaskMetaProcessor",
    "CrossTaskTextProcessor",
    "CrossTaskVideoProcessor",
    "DSAligner",
    "DSNLGAligner",
    "DiDeMoAligner",
    "DiDeMoMetaProcessor",
    "DiDeMoTextProcessor",
    "FixedLenAligner",
    "FolderMetaProcessor",
    "FrameMaskingProcessor",
    "How2MILNCEAligner",
    "How2MetaProcessor",
    "MFMMLMAligner",
    "MMAttentionMask2DProcessor",
    "MSRVTTMetaProcessor",
    "MSRVTTNLGTextProcessor",
    "MSRVTTQAAligner",
    "MSRVTTQAMetaProcessor",
    "MSRVTTQATextProcessor",
    "MSRVTTTextProcessor",
    "MetaProcessor",
    "MetaTextBinarizer",
    "NLGTextProcessor",
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
    "TextGenerationProcessor",
    "TextMaskingProcessor",
    "TextProcessor",
    "VariedLenAligner",
    "VideoProcessor",
    "VideoRetriAligner",
    "VideoRetriOverlappedAligner",
    "YoucookMetaProcessor",
    "YoucookNLGMetaProcessor",
    "YoucookVideoProcessor",
]


def __getattr__(name: str) -> Any:
    if name == "CaptionDedupProcessor":  # its module is a program too: python -m would find it loaded
        from mmpt.processors.dedupprocessor import CaptionDedupProcessor

        return CaptionDedupProcessor
    raise unknown_attribute(__name__, name, META_PROCESSORS, VIDEO_PROCESSORS, TEXT_PROCESSORS, ALIGNERS)
