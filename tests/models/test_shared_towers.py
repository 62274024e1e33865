"""A shared encoder's weights in two towers."""

import pytest
import torch

from mmpt.config import DatasetConfig, ModelConfig, TaskConfig
from mmpt.models import build_model
from mmpt.models.checkpoint import load_weights


@pytest.fixture
def models(tiny_bert):
    """Function: number of video layers -> (MMFusionShare, MMFusionSeparate), both random."""

    def build(layers):
        dataset = DatasetConfig(bert_name=str(tiny_bert), max_video_len=5, max_len=20)
        share = ModelConfig(model_cls="MMFusionShare", mm_encoder_cls="MMBertForEncoder")
        separate = ModelConfig(
            model_cls="MMFusionSeparate",
            video_encoder_cls="MMBertForEncoder",
            text_encoder_cls="BertModel",
            num_hidden_video_layers=layers,
        )
        torch.manual_seed(0)
        return [
            build_model(TaskConfig(dataset=dataset, model=model), pretrained=False).eval()
            for model in (share, separate)
        ]

    return build


def inputs():
    torch.manual_seed(1)
    caps = torch.randint(20, 150, (3, 15))
    caps[:, 0], caps[:, 1] = 12, 13
    return {
        "caps": caps,
        "cmasks": torch.arange(15) < torch.tensor([[15], [9], [4]]),
        "vfeats": torch.randn(3, 5, 512),
        "vmasks": torch.arange(5) < torch.tensor([[5], [2], [1]]),
    }


def test_with_as_many_layers_the_two_towers_give_the_same_vectors(models):
    share, separate = models(3)
    report = load_weights(separate, share.state_dict(), "The checkpoint")
    assert (report.missing, report.unexpected) == ([], [])
    with torch.no_grad():
        expected, given = share(**inputs()), separate(**inputs())
    for name in ("pooled_video", "pooled_text"):
        torch.testing.assert_close(given[name], expected[name], atol=1e-5, rtol=1e-5)


def test_a_shorter_video_tower_takes_the_first_layers_and_the_text_tower_stays_exact(models):
    share, separate = models(1)
    report = load_weights(separate, share.state_dict(), "The checkpoint", complete=True)
    assert report.missing == []
    with torch.no_grad():
        expected, given = share(**inputs()), separate(**inputs())
    torch.testing.assert_close(given["pooled_text"], expected["pooled_text"], atol=1e-5, rtol=1e-5)
    name = "bert.encoder.layer.0.output.dense.weight"
    assert torch.equal(separate.video_encoder.state_dict()[name], share.mm_encoder.state_dict()[name])


def test_weights_of_two_towers_stay_what_they_are(models):
    _, separate = models(1)
    weights = separate.state_dict()
    assert separate.translate(weights).keys() == weights.keys()
    assert all(value is weights[name] for name, value in separate.translate(weights).items())
