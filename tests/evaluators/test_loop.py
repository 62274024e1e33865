"""The inference loop and the predictors: batches, and what they refuse."""

import numpy as np
import pytest
import torch
from torch import nn

from mmpt.errors import ConfigError, DataError
from mmpt.evaluators.loop import run_inference
from mmpt.evaluators.predictor import Predictor, RetrievalPredictor, score_matrix
from mmpt.utils.device import move_batch


class Pools(nn.Module):
    """Returns its weight times the features as both vectors."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(2.0))

    def forward(self, vfeats):
        return {"pooled_video": vfeats * self.weight, "pooled_text": vfeats}


def run(model, batches, predictor, dtype=torch.float32):
    def forward(model, batch):
        assert not torch.is_grad_enabled()
        assert not model.training
        return model(batch["vfeats"])

    return run_inference(model, batches, None, predictor, forward, device=torch.device("cpu"), dtype=dtype)


def batch(rows, ids):
    return {
        "vfeats": torch.tensor(rows),
        "caps": torch.ones(len(rows), 2, dtype=torch.int64),
        "video_id": ids,
    }


def test_batches_become_one_matrix_in_order():
    batches = [batch([[1.0, 0.0], [0.0, 1.0]], ["a", "b"]), batch([[1.0, 1.0]], ["c"])]
    predictions = run(Pools(), batches, RetrievalPredictor())
    # rows are texts, columns are videos (twice the features)
    assert predictions.arrays["scores"].tolist() == [[2, 0, 2], [0, 2, 2], [2, 2, 4]]
    assert predictions.ids == ["a", "b", "c"]
    assert predictions.counts == {"queries": 3, "candidates": 3}


def test_a_second_run_forgets_the_first():
    predictor, model = RetrievalPredictor(), Pools()
    run(model, [batch([[1.0]], ["a"])], predictor)
    assert run(model, [batch([[1.0]], ["b"])], predictor).ids == ["b"]


def test_the_training_mode_is_restored_even_after_an_error():
    model = Pools().train()
    with pytest.raises(DataError, match="not a single batch"):
        run(model, [], RetrievalPredictor())
    assert model.training


def test_batches_are_copied_and_integers_stay_integers():
    given = batch([[1.0]], ["a"])
    moved = move_batch(given, torch.device("cpu"), torch.bfloat16)
    assert moved["vfeats"].dtype == torch.bfloat16
    assert moved["caps"].dtype == torch.int64
    assert given["vfeats"].dtype == torch.float32
    assert moved["video_id"] == ["a"]


def test_the_matrix_is_the_same_in_steps():
    rng = np.random.default_rng(0)
    texts, videos = (torch.from_numpy(rng.normal(size=(n, 3)).astype(np.float32)) for n in (2500, 40))
    np.testing.assert_allclose(score_matrix(texts, videos), (texts @ videos.T).numpy(), atol=1e-5)


def test_a_model_without_pooled_vectors_is_named():
    with pytest.raises(ConfigError, match=r"returned \['logits'\]"):
        RetrievalPredictor().process({}, {"logits": torch.zeros(1)})


def test_the_base_class_says_what_a_predictor_lacks():
    with pytest.raises(NotImplementedError, match="Predictor does not say how to start"):
        Predictor()
