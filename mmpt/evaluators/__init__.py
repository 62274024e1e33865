"""Evaluation: one inference loop, predictors, metrics, and result files that can be checked.

:mod:`~mmpt.evaluators.evaluator` is the assembly: data set -> :mod:`~mmpt.evaluators.loop` ->
:mod:`~mmpt.evaluators.predictor` -> :mod:`~mmpt.evaluators.metric` -> :mod:`~mmpt.evaluators.results`.
"""

from typing import Any

from mmpt.catalog import METRICS, PREDICTORS
from mmpt.evaluators.captioning import NLGMetric, NLGPredictor
from mmpt.evaluators.coin import COINActionSegmentationMetric, COINPredictor, COINZSPredictor
from mmpt.evaluators.crosstask import CrossTaskMetric, CrossTaskPredictor
from mmpt.evaluators.didemo import DiDeMoMetric, DiDeMoPredictor
from mmpt.evaluators.evaluator import Evaluator, evaluate, evaluate_untrained
from mmpt.evaluators.metric import Metric, RetrievalMetric
from mmpt.evaluators.moments import Moment, MomentIndex
from mmpt.evaluators.predictor import Predictions, Predictor, RetrievalPredictor
from mmpt.evaluators.question_answering import QAMetric, QAPredictor
from mmpt.evaluators.recognition import ActionRecognitionMetric
from mmpt.evaluators.results import EvaluationResult, MetricValue, read_result, write_result
from mmpt.registry import unknown_attribute

__all__ = [
    "ActionRecognitionMetric",
    "COINActionSegmentationMetric",
    "COINPredictor",
    "COINZSPredictor",
    "CrossTaskMetric",
    "CrossTaskPredictor",
    "DiDeMoMetric",
    "DiDeMoPredictor",
    "EvaluationResult",
    "Evaluator",
    "Metric",
    "MetricValue",
    "Moment",
    "MomentIndex",
    "NLGMetric",
    "NLGPredictor",
    "Predictions",
    "Predictor",
    "QAMetric",
    "QAPredictor",
    "RetrievalMetric",
    "RetrievalPredictor",
    "evaluate",
    "evaluate_untrained",
    "read_result",
    "write_result",
]


def __getattr__(name: str) -> Any:
    raise unknown_attribute(__name__, name, METRICS, PREDICTORS)
