"""DiDeMo: scores of moments, and ranks and overlaps against several annotators."""

import numpy as np
import pytest
import torch

from mmpt.config import ModelConfig, TaskConfig
from mmpt.errors import ConfigError, DataError
from mmpt.evaluators.didemo import MOMENTS, DiDeMoMetric, DiDeMoPredictor

PLACE = {tuple(moment): number for number, moment in enumerate(MOMENTS.tolist())}


def batch(seconds, times=((0, 0),)):
    """Videos of some seconds out of 32, each with the same annotations."""
    return {
        "vmasks": torch.arange(32) < torch.tensor(seconds)[:, None],
        "times": torch.tensor([times] * len(seconds)),
        "video_id": [f"v{number}" for number in range(len(seconds))],
    }


def outputs(hidden, text):
    """Hidden states (B, T, D) as a model returns them, [CLS] and [SEP] around."""
    hidden = torch.nn.functional.pad(hidden, (0, 0, 1, 1), value=99.0)
    return {"hidden_video": hidden, "pooled_text": text}


def scores_of(values, rest=-1.0):
    """One sentence whose moments score as given, all others ``rest``."""
    scores = np.full((1, 21), rest)
    for moment, value in values.items():
        scores[0, PLACE[moment]] = value
    return scores


# Prediction


def test_there_are_21_moments():
    assert MOMENTS.shape == (21, 2)
    assert (MOMENTS[:, 0] <= MOMENTS[:, 1]).all()


def test_a_moment_scores_the_mean_of_its_seconds_as_a_plain_loop_finds_it():
    draw = torch.Generator().manual_seed(0)
    seconds = [30, 12, 3]
    hidden = torch.randn(3, 32, 5, generator=draw)
    text = torch.randn(3, 5, generator=draw)
    predictor = DiDeMoPredictor()
    predictor.process(batch(seconds), outputs(hidden, text))
    found = predictor.finalize().arrays["scores"]
    for item in range(3):
        for number, (first, last) in enumerate(MOMENTS.tolist()):
            part = hidden[item, 5 * first : min(5 * (last + 1), seconds[item])]
            expected = float(part.mean(dim=0) @ text[item]) if len(part) else -np.inf
            assert found[item, number] == pytest.approx(expected, abs=1e-5)


def test_moments_without_video_are_left_out_and_counted():
    predictor = DiDeMoPredictor()
    predictor.process(batch([12, 30]), outputs(torch.ones(2, 32, 2), torch.ones(2, 2)))
    found = predictor.finalize()
    # 12 seconds reach into chunk 2: moments that begin in chunks 0, 1 or 2, 6 + 5 + 4 of them.
    assert np.isfinite(found.arrays["scores"]).sum(axis=1).tolist() == [15, 21]
    assert found.counts == {"sentences": 2, "moments": 36}
    assert found.ids == ["v0", "v1"]


def test_with_normalised_vectors_the_scores_are_cosines():
    predictor = DiDeMoPredictor(TaskConfig(model=ModelConfig(normalize=True)))
    predictor.process(batch([30]), outputs(torch.full((1, 32, 4), 7.0), torch.full((1, 4), 0.5)))
    assert predictor.finalize().arrays["scores"][0] == pytest.approx(np.ones(21))


def test_what_cannot_be_predicted_is_named():
    predictor = DiDeMoPredictor()
    with pytest.raises(DataError, match="not a single batch"):
        predictor.finalize()
    with pytest.raises(ConfigError, match="needs the output hidden_video"):
        predictor.process(batch([30]), {"logits": torch.zeros(1)})
    with pytest.raises(DataError, match="videos v0"):
        predictor.process(batch([30]), outputs(torch.full((1, 32, 2), torch.nan), torch.ones(1, 2)))


# Metric


def test_ranks_and_overlaps_of_the_three_best_annotators_count():
    scores = scores_of({(0, 1): 9.0, (0, 0): 8.0, (1, 1): 7.0})
    times = np.array([[[0, 1], [0, 1], [0, 0], [5, 5]]])
    # Ranks 1, 1, 2 and behind: mean 4/3. Overlaps with (0, 1): 1, 1, 1/2, 0: mean 5/6.
    assert DiDeMoMetric().compute(scores, times) == pytest.approx({"rank1": 0, "rank5": 1, "miou": 5 / 6})


def test_ties_count_against_the_model():
    scores = np.zeros((1, 21))
    times = np.array([[[0, 0], [0, 0], [0, 0]]])
    # All moments score the same: rank 21, and the worst moment has no overlap.
    assert DiDeMoMetric().compute(scores, times) == {"rank1": 0.0, "rank5": 0.0, "miou": 0.0}


def test_fewer_annotators_than_three_are_all_there_are():
    scores = scores_of({(2, 3): 9.0})
    times = np.array([[[2, 3], [-1, -1], [-1, -1], [-1, -1]]])
    assert DiDeMoMetric().compute(scores, times) == {"rank1": 1.0, "rank5": 1.0, "miou": 1.0}


def test_a_moment_without_video_ranks_last_and_is_counted():
    scores = np.where(MOMENTS[:, 0] == 0, 1.0 - MOMENTS[:, 1] / 10, -np.inf)[None]  # (0, 0) first
    times = np.array([[[0, 0], [0, 0], [4, 4]]])
    # Ranks 1, 1 and 22, behind all 21: the mean is 8.
    assert DiDeMoMetric().compute(scores, times)["rank5"] == 0.0
    details = DiDeMoMetric().details(scores, times)
    assert (details["annotations"], details["annotations_without_video"]) == (3, 1)


def test_the_baseline_knows_only_how_often_moments_are_chosen():
    scores = np.random.default_rng(0).normal(size=(3, 21))
    times = np.array([[[0, 0]] * 3, [[0, 0]] * 3, [[5, 5]] * 3])
    # (0, 0) is chosen six times and (5, 5) three times: ranks 1, 1 and 2, overlaps 1, 1 and 0.
    expected = {"rank1": 2 / 3, "rank5": 1.0, "miou": 2 / 3}
    assert DiDeMoMetric().baseline(scores, times) == pytest.approx(expected)


def test_random_orders_are_drawn_alike_each_time():
    scores, times = np.zeros((40, 21)), np.array([[[0, 0]] * 3] * 40)
    first, second = (DiDeMoMetric().details(scores, times)["random_order"] for _ in range(2))
    assert first == second
    assert first["rank1"] == pytest.approx(1 / 21, abs=0.02)


def test_what_cannot_be_measured_is_named():
    metric = DiDeMoMetric()
    with pytest.raises(DataError, match=r"shape \(1, 20\)"):
        metric.compute(np.zeros((1, 20)), np.zeros((1, 4, 2), int))
    with pytest.raises(DataError, match="Sentence 1 has no annotator"):
        metric.compute(np.zeros((2, 21)), np.array([[[0, 0]], [[-1, -1]]]))
    with pytest.raises(DataError, match="Sentence 0 has no annotator, or no moment with video"):
        metric.compute(np.full((1, 21), -np.inf), np.array([[[0, 0]]]))
