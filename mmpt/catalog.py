"""Every class name that a YAML file may hold, by key, with the module that defines it.

This is the map of the toolkit: look a name up here to find its file. User classes join through
``Registry.register``. Nothing heavy is imported here.
"""

from mmpt.registry import Registry

__all__ = [
    "ALIGNERS",
    "ENCODERS",
    "LOSSES",
    "META_PROCESSORS",
    "METRICS",
    "MODELS",
    "PREDICTORS",
    "REGISTRIES",
    "RETRIEVERS",
    "TASKS",
    "TEXT_PROCESSORS",
    "VECTOR_POOLS",
    "VIDEO_PROCESSORS",
]

_HOW2 = "mmpt.processors.how2processor"
_HOW2_RETRI = "mmpt.processors.how2retriprocessor"
_DS = "mmpt.processors.dsprocessor"
_MSRVTT = "mmpt.processors.downstream.msrvtt"
_YOUCOOK = "mmpt.processors.downstream.youcook"
_NLG = "mmpt.processors.nlg"
_FOLDER = "mmpt.processors.downstream.folder"
_MSRVTT_QA = "mmpt.processors.downstream.msrvtt_qa"
_COIN = "mmpt.processors.downstream.coin"
_CROSSTASK = "mmpt.processors.downstream.crosstask"
_DIDEMO = "mmpt.processors.downstream.didemo"

TASKS = Registry(
    "task",
    {
        "Task": "mmpt.tasks.task",
        "VLMTask": "mmpt.tasks.vlmtask",
        "MILNCETask": "mmpt.tasks.milncetask",
        "RetriTask": "mmpt.tasks.retritask",
        "VideoRetriTask": "mmpt.tasks.retritask",
    },
)

MODELS = Registry(
    "model_cls",
    {
        "MMFusionSeparate": "mmpt.models.dualencoder",
        "MMFusionShare": "mmpt.models.dualencoder",
        "MMFusionJoint": "mmpt.models.mmfusion",
        "MMFusionMFMMLM": "mmpt.models.masked",
        "MMFusionMTM": "mmpt.models.masked",
        "MMFusionNLG": "mmpt.models.generation",
        "MMFusionActionSegmentation": "mmpt.models.segmentation",
        "MMFusionSeparateActionSegmentation": "mmpt.models.segmentation",
        "MMFusionActionLocalization": "mmpt.models.localization",
        "MMFusionSeparateActionLocalization": "mmpt.models.localization",
        "MMFusionShareActionLocalization": "mmpt.models.localization",
    },
)

# ``BertModel`` means transformers' BertModel: the text tower of VideoCLIP.
ENCODERS = Registry(
    "encoder class",
    {
        "BertModel": "transformers",
        "MMBertForEncoder": "mmpt.models.transformermodel",
        "MMBertForJoint": "mmpt.models.transformermodel",
        "MMBertForMFMMLM": "mmpt.models.masked",
        "MMBertForMTM": "mmpt.models.masked",
        "MMBertForNLG": "mmpt.models.generation",
        "MMBertForTokenClassification": "mmpt.models.segmentation",
    },
)

META_PROCESSORS = Registry(
    "meta_processor",
    {
        "How2MetaProcessor": _HOW2,
        "ShardedHow2MetaProcessor": _HOW2,
        "ShardedHow2VideoRetriMetaProcessor": _HOW2_RETRI,
        "MSRVTTMetaProcessor": _MSRVTT,
        "YoucookMetaProcessor": _YOUCOOK,
        "YoucookNLGMetaProcessor": _YOUCOOK,
        "MSRVTTQAMetaProcessor": _MSRVTT_QA,
        "CrossTaskMetaProcessor": _CROSSTASK,
        "COINActionSegmentationMetaProcessor": _COIN,
        "DiDeMoMetaProcessor": _DIDEMO,
        "FolderMetaProcessor": _FOLDER,
    },
)

VIDEO_PROCESSORS = Registry(
    "video_processor",
    {
        "VideoProcessor": "mmpt.processors.processor",
        "ShardedVideoProcessor": _HOW2,
        "ShardedVideoRetriVideoProcessor": _HOW2_RETRI,
        "YoucookVideoProcessor": _YOUCOOK,
        "CrossTaskVideoProcessor": _CROSSTASK,
    },
)

TEXT_PROCESSORS = Registry(
    "text_processor",
    {
        "TextProcessor": "mmpt.processors.processor",
        "ShardedTextProcessor": _HOW2,
        "ShardedVideoRetriTextProcessor": _HOW2_RETRI,
        "MSRVTTTextProcessor": _MSRVTT,
        "MSRVTTNLGTextProcessor": _MSRVTT,
        "MSRVTTQATextProcessor": _MSRVTT_QA,
        "CrossTaskTextProcessor": _CROSSTASK,
        "COINActionSegmentationTextProcessor": _COIN,
        "DiDeMoTextProcessor": _DIDEMO,
        "NLGTextProcessor": _NLG,
        "PKLJSONStrTextProcessor": _HOW2,
    },
)

ALIGNERS = Registry(
    "aligner",
    {
        "DSAligner": _DS,
        "FixedLenAligner": "mmpt.processors.aligners",
        "VariedLenAligner": "mmpt.processors.aligners",
        "StartClipAligner": "mmpt.processors.aligners",
        "OverlappedAligner": "mmpt.processors.aligners",
        "MFMMLMAligner": "mmpt.processors.mfmmlm",
        "How2MILNCEAligner": "mmpt.processors.milnce",
        "VideoRetriAligner": _HOW2_RETRI,
        "VideoRetriOverlappedAligner": _HOW2_RETRI,
        "DiDeMoAligner": _DIDEMO,
        "COINActionSegmentationAligner": _COIN,
        "CrossTaskAligner": _CROSSTASK,
        "MSRVTTQAAligner": _MSRVTT_QA,
        "DSNLGAligner": _NLG,
    },
)

LOSSES = Registry(
    "loss_cls",
    {
        "CrossEntropy": "mmpt.losses.loss",
        "ArgmaxCrossEntropy": "mmpt.losses.loss",
        "BCE": "mmpt.losses.loss",
        "NLGLoss": "mmpt.losses.loss",
        "MSE": "mmpt.losses.loss",
        "L1": "mmpt.losses.loss",
        "SmoothL1": "mmpt.losses.loss",
        "NCE": "mmpt.losses.nce",
        "T2VContraLoss": "mmpt.losses.nce",
        "V2TContraLoss": "mmpt.losses.nce",
        "MMContraLoss": "mmpt.losses.nce",
        "MMSigmoidLoss": "mmpt.losses.sigmoid",
        "MILNCE": "mmpt.losses.milnce",
        "MTM": "mmpt.losses.masked",
        "MFMMLM": "mmpt.losses.masked",
    },
)

PREDICTORS = Registry(
    "predictor",
    {
        "RetrievalPredictor": "mmpt.evaluators.predictor",
        "QAPredictor": "mmpt.evaluators.question_answering",
        "NLGPredictor": "mmpt.evaluators.captioning",
        "CrossTaskPredictor": "mmpt.evaluators.crosstask",
        "COINPredictor": "mmpt.evaluators.coin",
        "COINZSPredictor": "mmpt.evaluators.coin",
        "DiDeMoPredictor": "mmpt.evaluators.didemo",
    },
)

METRICS = Registry(
    "metric",
    {
        "RetrievalMetric": "mmpt.evaluators.metric",
        "QAMetric": "mmpt.evaluators.question_answering",
        "NLGMetric": "mmpt.evaluators.captioning",
        "CrossTaskMetric": "mmpt.evaluators.crosstask",
        "COINActionSegmentationMetric": "mmpt.evaluators.coin",
        "DiDeMoMetric": "mmpt.evaluators.didemo",
        "ActionRecognitionMetric": "mmpt.evaluators.recognition",
    },
)

VECTOR_POOLS = Registry("vectorpool_cls", {"VideoVectorPool": "mmpt.retrieval.vectorpool"})
RETRIEVERS = Registry("retriever_cls", {"VectorRetriever": "mmpt.retrieval.retriever"})

# (section of the task YAML, key) -> registry; section "" is the top level.
REGISTRIES: dict[tuple[str, str], Registry] = {
    ("", "task"): TASKS,
    ("", "predictor"): PREDICTORS,
    ("", "metric"): METRICS,
    ("", "vectorpool_cls"): VECTOR_POOLS,
    ("", "retriever_cls"): RETRIEVERS,
    ("dataset", "meta_processor"): META_PROCESSORS,
    ("dataset", "video_processor"): VIDEO_PROCESSORS,
    ("dataset", "text_processor"): TEXT_PROCESSORS,
    ("dataset", "aligner"): ALIGNERS,
    ("model", "model_cls"): MODELS,
    ("model", "mm_encoder_cls"): ENCODERS,
    ("model", "video_encoder_cls"): ENCODERS,
    ("model", "text_encoder_cls"): ENCODERS,
    ("loss", "loss_cls"): LOSSES,
}
