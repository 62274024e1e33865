"""Metrics on recorded predictions, to 1e-4 (the recorded scores hold no ties)."""

import json

import numpy as np
import pytest

import mmpt.evaluators


def test_retrieval_metric_gives_the_recorded_values(golden):
    scores = np.load(golden / "metrics" / "retrieval_sim.npy")
    expected = json.loads((golden / "metrics" / "expected.json").read_text())["RetrievalMetric"]
    assert mmpt.evaluators.RetrievalMetric().compute(scores) == pytest.approx(expected, abs=1e-4)
