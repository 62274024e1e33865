"""Two towers: cached gradients train as the whole batch, and vectors may be scaled to length 1."""

import pytest
import torch

from mmpt.config import TaskConfig
from mmpt.errors import ConfigError
from mmpt.losses import MMContraLoss
from mmpt.models import MMFusionJoint, build_model

MODELS = {
    "separate": {
        "model_cls": "MMFusionSeparate",
        "video_encoder_cls": "MMBertForEncoder",
        "text_encoder_cls": "BertModel",
        "num_hidden_video_layers": 2,
    },
    "share": {"model_cls": "MMFusionShare", "mm_encoder_cls": "MMBertForEncoder"},
}

no_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
DEVICES = ["cpu", pytest.param("cuda", marks=[pytest.mark.gpu, no_cuda])]


@pytest.fixture(params=MODELS)
def build(request, tiny_bert):
    """Function: keys of the section ``model``, chunk -> the model, always with the same weights."""

    def model(chunk=None, **keys):
        values = {
            "dataset": {"bert_name": str(tiny_bert), "max_video_len": 8, "max_len": 24},
            "model": MODELS[request.param] | keys,
            "loss": {"grad_cache_chunk": chunk},
        }
        torch.manual_seed(1)
        return build_model(TaskConfig.from_mapping(values)).train()

    return model


@pytest.fixture
def clips():
    """7 clips of 1 to 8 seconds with texts of 1 to 13 words."""
    draw = torch.Generator().manual_seed(0)
    vmasks = torch.arange(8) < torch.randint(1, 9, (7, 1), generator=draw)
    cmasks = torch.arange(16) < torch.randint(4, 17, (7, 1), generator=draw)
    return {
        "caps": torch.randint(10, 150, (7, 16), generator=draw) * cmasks,
        "cmasks": cmasks,
        "vfeats": torch.randn(7, 8, 512, generator=draw) * vmasks[..., None],
        "vmasks": vmasks,
    }


def gradients(model, outputs):
    model.zero_grad()
    MMContraLoss()(outputs["pooled_video"], outputs["pooled_text"]).backward()
    return {name: each.grad.clone() for name, each in model.named_parameters() if each.grad is not None}


def without_dropout(model):
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return model


def test_cached_gradients_are_those_of_the_whole_batch(build, clips):
    whole, cached = without_dropout(build()), without_dropout(build(chunk=3))
    outputs = cached(**clips)
    assert outputs.keys() == {"pooled_video", "pooled_text"}
    torch.testing.assert_close(outputs["pooled_video"], whole(**clips)["pooled_video"], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(
        gradients(cached, outputs), gradients(whole, whole(**clips)), atol=1e-5, rtol=1e-4
    )


@pytest.mark.parametrize("autocast", [False, True], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("device", DEVICES)
def test_both_passes_have_the_same_dropout(build, clips, device, autocast):
    model = build(chunk=3).to(device)
    clips = {name: value.to(device) for name, value in clips.items()}

    def chunks(*names):
        return zip(*(clips[name].split(3) for name in names), strict=True)

    def vectors_with_all_kept():
        video = [model.encode_video(*chunk) for chunk in chunks("caps", "vfeats", "vmasks")]
        text = [model.encode_text(*chunk) for chunk in chunks("caps", "cmasks")]
        return {"pooled_video": torch.cat(video), "pooled_text": torch.cat(text)}

    found = []
    for run in (lambda: model(**clips), vectors_with_all_kept):
        torch.manual_seed(5)
        with torch.autocast(device, torch.bfloat16, enabled=autocast):
            outputs = {name: value.float() for name, value in run().items()}
        found.append(gradients(model, outputs))
    torch.testing.assert_close(*found)


def test_evaluation_knows_no_chunks(build, clips):
    model = build(chunk=3).eval()
    assert "hidden_video" in model(**clips)


def test_vectors_of_length_one_make_scores_cosines(build, clips):
    plain, scaled = build().eval(), build(normalize=True).eval()
    for name in ("pooled_video", "pooled_text"):
        expected = torch.nn.functional.normalize(plain(**clips)[name])
        torch.testing.assert_close(scaled(**clips)[name], expected)
    alone = scaled.encode_video(clips["caps"], clips["vfeats"], clips["vmasks"])
    torch.testing.assert_close(alone.norm(dim=1), torch.ones(7))


def test_a_model_that_cannot_encode_apart_is_refused(tiny_bert):
    # What validation finds for the toolkit's classes, for those of users, too.
    values = {
        "dataset": {"bert_name": str(tiny_bert)},
        "model": {"model_cls": MMFusionJoint.__name__, "mm_encoder_cls": "MMBertForJoint"},
        "loss": {"grad_cache_chunk": 4},
    }
    with pytest.raises(ConfigError, match=r"grad_cache_chunk is set.*'MMFusionJoint' is no DualEncoder"):
        build_model(TaskConfig.from_mapping(values))
