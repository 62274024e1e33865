"""Evaluation: one inference loop, predictors, metrics, and result files that can be checked.

:mod:`~mmpt.evaluators.evaluator` is the assembly: data set -> :mod:`~mmpt.evaluators.loop` ->
:mod:`~mmpt.evaluators.predictor` -> :mod:`~mmpt.evaluators.metric` -> :mod:`~mmpt.evaluators.results`.
"""

import importlib
from typing import TYPE_CHECKING, Any

from mmpt.catalog import METRICS, PREDICTORS
from mmpt.registry import unknown_attribute

if TYPE_CHECKING:
    from mmpt.evaluators.captioning import NLGMetric, NLGPredictor
    from mmpt.evaluators.coin import COINActionSegmentationMetric, COINPredictor, COINZSPredictor
    from mmpt.evaluators.crosstask import CrossTaskMetric, CrossTaskPredictor
    from mmpt.evaluators.didemo import DiDeMoMetric, DiDeMoPredictor
    from mmpt.evaluators.evaluator import Evaluator, evaluate, evaluate_untrained
    from mmpt.evaluators.metric import Metric, RetrievalMetric
    from mmpt.evaluators.predictor import Predictions, Predictor, RetrievalPredictor
    from mmpt.evaluators.question_answering import QAMetric, QAPredictor
    from mmpt.evaluators.recognition import ActionRecognitionMetric
    from mmpt.evaluators.results import EvaluationResult, MetricValue, read_result, write_result

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


_LAZY = {
    "Evaluator": "evaluator",
    "evaluate": "evaluator",
    "evaluate_untrained": "evaluator",
    "Metric": "metric",
    "Predictions": "predictor",
    "Predictor": "predictor",
    "EvaluationResult": "results",
    "MetricValue": "results",
    "read_result": "results",
    "write_result": "results",
}


def __getattr__(name: str) -> Any:
    # When first used: who reads result files needs no torch.
    if name in _LAZY:
        return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    for registry in (METRICS, PREDICTORS):
        if name in registry.names():
            return registry.get(name)
    raise unknown_attribute(__name__, name, METRICS, PREDICTORS)
