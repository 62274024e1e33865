"""Evaluation: one inference loop, predictors, metrics, and result files that can be checked."""

from mmpt.evaluators.metric import Metric, RetrievalMetric

__all__ = ["Metric", "RetrievalMetric"]
