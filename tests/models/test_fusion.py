"""Fusion models: padding removal is exact, bad input is named."""

import pytest
import torch

from mmpt.config import TaskConfig
from mmpt.errors import ConfigError, DataError
from mmpt.losses import MMContraLoss
from mmpt.models import MMFusion, build_model

SEPARATE = {
    "model_cls": "MMFusionSeparate",
    "video_encoder_cls": "MMBertForEncoder",
    "text_encoder_cls": "BertModel",
    "num_hidden_video_layers": 2,
}
MODELS = {
    "separate": (SEPARATE, {}),
    "share": ({"model_cls": "MMFusionShare", "mm_encoder_cls": "MMBertForEncoder"}, {}),
    "joint": ({"model_cls": "MMFusionJoint", "mm_encoder_cls": "MMBertForJoint"}, {"num_iso_layer": 2}),
    "joint in one pass": (
        {"model_cls": "MMFusionJoint", "mm_encoder_cls": "MMBertForJoint"},
        {"num_iso_layer": 3, "train_path": "train.lst"},
    ),
}


def config_of(tiny_bert, model=SEPARATE, **dataset):
    dataset = {"bert_name": str(tiny_bert), "max_video_len": 8, "max_len": 24, **dataset}
    return TaskConfig.from_mapping({"dataset": dataset, "model": model})


@pytest.fixture(params=MODELS)
def config(request, tiny_bert):
    model, dataset = MODELS[request.param]
    return config_of(tiny_bert, model, **dataset)


def batch(size=4, seed=0):
    """Clips of 1 to 8 seconds and texts of 1 to 13 words."""
    draw = torch.Generator().manual_seed(seed)
    vmasks = torch.arange(8) < torch.randint(1, 9, (size, 1), generator=draw)
    words = torch.randint(1, 14, (size, 1), generator=draw)
    cmasks = torch.arange(16) < words + 3
    caps = torch.randint(10, 150, (size, 16), generator=draw).masked_fill(~cmasks, 0)
    caps[:, 0], caps[:, 1] = 2, 3
    caps.scatter_(1, words + 2, 3)
    vfeats = torch.randn(size, 8, 512, generator=draw) * vmasks[..., None]
    return {"caps": caps, "cmasks": cmasks, "vfeats": vfeats, "vmasks": vmasks}


def loss_and_gradients(model, inputs):
    outputs = model(**inputs)
    loss = MMContraLoss()(pooled_video=outputs["pooled_video"], pooled_text=outputs["pooled_text"])
    model.zero_grad()
    loss.backward()
    gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    return {**outputs, "loss": loss}, gradients


def test_padding_removal_changes_neither_results_nor_gradients(config):
    model = build_model(config).eval()
    expected, expected_gradients = loss_and_gradients(model, batch())
    model.config = config.replace(model=config.model.replace(remove_padding=True))
    found, gradients = loss_and_gradients(model, batch())
    for name in ("pooled_video", "pooled_text", "loss"):
        torch.testing.assert_close(found[name], expected[name], atol=1e-5, rtol=1e-5)
    assert gradients.keys() == expected_gradients.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, expected_gradients[name], atol=1e-5, rtol=1e-4, msg=name)


def test_padding_is_removed_while_training_unless_the_task_says_otherwise(tiny_bert):
    model = build_model(config_of(tiny_bert))
    assert model.train().remove_padding
    assert not model.eval().remove_padding
    kept = build_model(config_of(tiny_bert, {**SEPARATE, "remove_padding": False}))
    assert not kept.train().remove_padding


def test_a_pair_gives_the_same_vectors_alone_and_in_a_batch(config):
    model = build_model(config).eval()
    together = model(**batch())
    for i in range(4):
        alone = model(**{name: tensor[i : i + 1] for name, tensor in batch().items()})
        for name in ("pooled_video", "pooled_text"):
            torch.testing.assert_close(alone[name][0], together[name][i], atol=1e-5, rtol=1e-5)


def test_trimming_padded_seconds_and_words_changes_nothing(config):
    model = build_model(config).eval()
    inputs = batch()
    seconds, words = int(inputs["vmasks"].sum(1).max()), int(inputs["cmasks"].sum(1).max())
    cut = {name: inputs[name][:, :seconds] for name in ("vfeats", "vmasks")}
    cut |= {name: inputs[name][:, :words] for name in ("caps", "cmasks")}
    full, trimmed = model(**inputs), model(**cut)
    for name in ("pooled_video", "pooled_text"):
        torch.testing.assert_close(trimmed[name], full[name], atol=1e-5, rtol=1e-5)


def test_each_side_alone_gives_what_the_pair_gives(config):
    model, inputs = build_model(config).eval(), batch()
    outputs = model(**inputs)
    video = model.encode_video(inputs["caps"][:, :2], inputs["vfeats"], inputs["vmasks"])
    text = model.encode_text(inputs["caps"], inputs["cmasks"])
    torch.testing.assert_close(video, outputs["pooled_video"], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(text, outputs["pooled_text"], atol=1e-5, rtol=1e-5)


def test_hidden_states_are_those_that_are_pooled(config):
    model, inputs = build_model(config).eval(), batch()
    outputs = model(**inputs)
    video, text = outputs["hidden_video"], outputs["hidden_text"]
    assert video.shape == (4, 10, 48)  # [CLS], 8 seconds, [SEP]
    assert text.shape == (4, 15, 48)  # [CLS] and caps[2:]
    for i in range(4):
        seconds, words = int(inputs["vmasks"][i].sum()), int(inputs["cmasks"][i].sum()) - 2
        mean = torch.cat([video[i, 1 : seconds + 1], video[i, 9:]]).mean(0)
        torch.testing.assert_close(outputs["pooled_video"][i], mean, atol=1e-5, rtol=1e-5)
        mean = text[i, 1 : words + 1].mean(0)
        torch.testing.assert_close(outputs["pooled_text"][i], mean, atol=1e-5, rtol=1e-5)


def test_a_joint_model_without_isolation_mixes_only_in_training_tasks(tiny_bert):
    joint = {"model_cls": "MMFusionJoint", "mm_encoder_cls": "MMBertForJoint"}
    inputs, other = batch(), batch(seed=1)
    swapped = {**inputs, "caps": other["caps"], "cmasks": other["cmasks"]}
    for train_path, mixes in (("train.lst", True), (None, False)):
        model = build_model(config_of(tiny_bert, joint, train_path=train_path)).eval()
        before, after = model(**inputs)["pooled_video"], model(**swapped)["pooled_video"]
        assert torch.equal(before, after) != mixes


def test_bfloat16_autocast_stays_close(config):
    model = build_model(config).eval()
    expected = model(**batch())
    with torch.autocast("cpu", torch.bfloat16):
        found = model(**batch())
    torch.testing.assert_close(found["pooled_text"].float(), expected["pooled_text"], atol=0.1, rtol=0.1)


def test_a_vlm_checkpoint_slot_for_segments_is_made_on_request(tiny_bert):
    share = {"model_cls": "MMFusionShare", "mm_encoder_cls": "MMBertForEncoder", "use_seg_emb": True}
    weights = build_model(config_of(tiny_bert, share)).state_dict()
    assert weights["mm_encoder.bert.embeddings.seg_embeddings.weight"].shape == (256, 48)


def test_a_video_that_is_too_long_is_refused(tiny_bert):
    model, inputs = build_model(config_of(tiny_bert)), batch()
    inputs |= {"vfeats": torch.zeros(4, 9, 512), "vmasks": torch.ones(4, 9).bool()}
    with pytest.raises(DataError, match=r"video of 9 seconds was given and dataset\.max_video_len is 8"):
        model(**inputs)


def test_features_of_another_network_are_refused(tiny_bert):
    model, inputs = build_model(config_of(tiny_bert)), batch()
    with pytest.raises(
        DataError, match=r"features are 1024 wide and the model reads 512 \(dataset\.vfeat_dir: "
    ):
        model(**{**inputs, "vfeats": torch.zeros(4, 8, 1024)})


@pytest.mark.parametrize(
    ("model", "dataset", "message"),
    [
        ({}, {}, "model.model_cls is missing. Known: .*MMFusionJoint"),
        ({"model_cls": "MMFusionShaer"}, {}, "did you mean 'MMFusionShare'"),
        ({"model_cls": "MMFusionShare"}, {}, "model.mm_encoder_cls is missing"),
        ({**SEPARATE, "text_encoder_cls": "MMBertForJoint"}, {}, "must be 'BertModel'"),
        (SEPARATE, {"max_len": 129}, "max_len is 129 and the BERT .* has 128 positions"),
        (MODELS["joint"][0], {"num_iso_layer": 4}, "num_iso_layer is 4; .* has 3 layers"),
    ],
)
def test_a_task_that_names_no_usable_model_is_explained(tiny_bert, model, dataset, message):
    with pytest.raises(ConfigError, match=message):
        build_model(config_of(tiny_bert, model, **dataset))


def test_no_isolated_layer_may_be_written_as_0(tiny_bert):
    zero, none = (
        build_model(config_of(tiny_bert, MODELS["joint"][0], num_iso_layer=n)).eval() for n in (0, None)
    )
    zero.load_state_dict(none.state_dict())
    assert torch.equal(zero(**batch())["pooled_video"], none(**batch())["pooled_video"])


def test_the_base_model_has_no_vectors_of_its_own(tiny_bert):
    with pytest.raises(ConfigError, match="gives no vector of a text alone"):
        MMFusion(config_of(tiny_bert)).encode_text(torch.zeros(1, 4).long(), torch.ones(1, 4).bool())
