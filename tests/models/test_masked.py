"""Masked modelling: scoring masked positions alone changes nothing, and without labels it encodes."""

import pytest
import torch

from benchmarks.naive_masked import mtm_loss
from mmpt.config import TaskConfig
from mmpt.errors import ConfigError, DataError
from mmpt.losses import MFMMLM, MTM
from mmpt.models import build_model
from mmpt.modules.lmhead import load_head

SEP, PAD, MASK = 12, 0, 13  # ids of the tiny BERT
MODELS = {"MMFusionMFMMLM": "MMBertForMFMMLM", "MMFusionMTM": "MMBertForMTM"}


def config_of(tiny_bert, model_cls="MMFusionMTM", encoder="MMBertForMFMMLM", **dataset):
    dataset = {"bert_name": str(tiny_bert), "max_video_len": 8, "max_len": 24, **dataset}
    return TaskConfig.from_mapping(
        {"dataset": dataset, "model": {"model_cls": model_cls, "mm_encoder_cls": encoder}}
    )


def batch(size=4, seed=0, share=0.4):
    """Clips of 1 to 8 seconds, texts of 1 to 13 words, a share of both masked."""
    draw = torch.Generator().manual_seed(seed)
    vmasks = torch.arange(8) < torch.randint(1, 9, (size, 1), generator=draw)
    words = torch.randint(1, 14, (size, 1), generator=draw)
    place = torch.arange(16)
    cmasks, is_word = place < words + 3, (place > 1) & (place < words + 2)
    original = torch.randint(14, 150, (size, 16), generator=draw)
    original = original.masked_fill(~is_word, SEP).masked_fill(~cmasks, PAD)
    original[:, 0] = 11
    masked = (torch.rand(size, 16, generator=draw) < share) & is_word
    return {
        "caps": original.masked_fill(masked, MASK),
        "cmasks": cmasks,
        "vfeats": torch.randn(size, 8, 512, generator=draw) * vmasks[..., None],
        "vmasks": vmasks,
        "video_label": (torch.rand(size, 8, generator=draw) < share) & vmasks,
        "text_label": original.masked_fill(~masked, -100),
    }


def text_generation_mask(inputs):
    """Every row sees [CLS], real seconds and the video's [SEP]; real words also words up to themselves."""
    real = torch.cat([inputs["cmasks"][:, :1], inputs["vmasks"], inputs["cmasks"][:, 1:]], dim=1)
    is_prefix = torch.arange(24) < 10
    earlier = torch.ones(24, 24).tril().bool() & real[:, :, None] & ~is_prefix[:, None]
    return real[:, None, :] & (is_prefix | earlier)


def with_padding(model, removed):
    model.config = model.config.replace(model=model.config.model.replace(remove_padding=removed))
    return model


def loss_and_gradients(model, loss):
    model.zero_grad()
    loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def loss_of(model, inputs, loss=None):
    labels = {name: inputs[name] for name in ("video_label", "text_label")}
    return (loss or MTM())(**model(**inputs), **labels)


@pytest.mark.parametrize("two_dimensional", [False, True])
@pytest.mark.parametrize("removed", [False, True])
def test_scoring_masked_positions_equals_scoring_every_position(tiny_bert, removed, two_dimensional):
    model = with_padding(build_model(config_of(tiny_bert)).eval(), removed)
    inputs = batch()
    if two_dimensional:
        inputs["attention_mask"] = text_generation_mask(inputs)
    expected = mtm_loss(model, **inputs)
    expected_gradients = loss_and_gradients(model, expected)
    found = loss_of(model, inputs)
    gradients = loss_and_gradients(model, found)
    torch.testing.assert_close(found, expected)
    assert gradients.keys() == expected_gradients.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, expected_gradients[name], atol=1e-5, rtol=1e-4, msg=name)


@pytest.mark.parametrize("model_cls", MODELS)
def test_rows_and_columns_count_masked_positions_and_their_candidates(tiny_bert, model_cls):
    model, inputs = build_model(config_of(tiny_bert, model_cls)).eval(), batch()
    outputs = model(**inputs)
    frames, words = int(inputs["video_label"].sum()), int((inputs["text_label"] != -100).sum())
    unmasked = int((inputs["vmasks"] & ~inputs["video_label"]).sum())
    both = model_cls == "MMFusionMTM"
    assert outputs["video_logits"].shape == (frames, 1 + unmasked + 159 * both)
    assert outputs["text_logits"].shape == (words, 159 + unmasked * both)


def test_a_blind_token_attends_to_everything_with_padding_removed_too(tiny_bert):
    model, inputs = build_model(config_of(tiny_bert)).eval(), batch()
    inputs["attention_mask"] = text_generation_mask(inputs)
    inputs["attention_mask"][0, 0] = False  # [CLS] sees nothing: treated as if it saw the whole sequence
    expected = loss_of(with_padding(model, False), inputs)
    torch.testing.assert_close(loss_of(with_padding(model, True), inputs), expected)


@pytest.mark.parametrize("model_cls", MODELS)
def test_the_features_of_a_masked_frame_are_hidden_but_are_its_target(tiny_bert, model_cls):
    model, inputs = build_model(config_of(tiny_bert, model_cls)).eval(), batch()
    changed = {**inputs, "vfeats": inputs["vfeats"] + inputs["video_label"][..., None]}
    before, after = model(**inputs), model(**changed)
    torch.testing.assert_close(after["text_logits"], before["text_logits"])
    torch.testing.assert_close(after["video_logits"][:, 1:], before["video_logits"][:, 1:])
    assert not torch.allclose(after["video_logits"][:, 0], before["video_logits"][:, 0])


@pytest.mark.parametrize(("model_cls", "loss"), [("MMFusionMFMMLM", MFMMLM()), ("MMFusionMTM", MTM())])
@pytest.mark.parametrize("masked", ["video_label", "text_label", None])
def test_a_batch_with_nothing_masked_on_one_side_has_a_finite_loss(tiny_bert, model_cls, loss, masked):
    model, inputs = build_model(config_of(tiny_bert, model_cls)), batch()
    nothing = {"video_label": inputs["video_label"] & False, "text_label": torch.full((4, 16), -100)}
    inputs |= {name: value for name, value in nothing.items() if name != masked}
    value = loss_of(model, inputs, loss)
    value.backward()
    assert torch.isfinite(value)
    assert (value > 0) == (masked is not None)


@pytest.mark.parametrize("model_cls", MODELS)
def test_a_batch_whose_videos_are_all_masked_can_be_trained_on(tiny_bert, model_cls):
    model, inputs = build_model(config_of(tiny_bert, model_cls)), batch()
    inputs["video_label"] = inputs["vmasks"]
    value = loss_of(model, inputs, MTM() if model_cls == "MMFusionMTM" else MFMMLM())
    assert torch.isfinite(value)


@pytest.mark.parametrize("model_cls", MODELS)
@pytest.mark.parametrize("num_iso_layer", [None, 2, 3])
def test_without_labels_it_encodes_as_the_joint_model_does(tiny_bert, model_cls, num_iso_layer):
    model = build_model(config_of(tiny_bert, model_cls, train_path="t", num_iso_layer=num_iso_layer)).eval()
    joint = build_model(config_of(tiny_bert, "MMFusionJoint", "MMBertForJoint", num_iso_layer=num_iso_layer))
    joint.load_state_dict(model.state_dict(), strict=False)
    inputs = {name: value for name, value in batch().items() if "label" not in name}
    found, expected = model(**inputs), joint.eval()(**inputs)
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor)
    video = model.encode_video(inputs["caps"], inputs["vfeats"], inputs["vmasks"])
    torch.testing.assert_close(video, found["pooled_video"])
    torch.testing.assert_close(model.encode_text(inputs["caps"], inputs["cmasks"]), found["pooled_text"])


@pytest.mark.parametrize(("model_cls", "bias"), [("MMFusionMFMMLM", True), ("MMFusionMTM", False)])
def test_the_head_starts_from_the_language_model_and_is_tied_to_the_words(tiny_bert, model_cls, bias):
    from safetensors.torch import load_file

    stored = load_file(tiny_bert / "model.safetensors")
    model = build_model(config_of(tiny_bert, model_cls))
    head = model.mm_encoder.cls.predictions
    assert torch.equal(head.transform.dense.weight, stored["cls.predictions.transform.dense.weight"])
    assert head.decoder.weight is model.mm_encoder.bert.embeddings.word_embeddings.weight
    assert (head.decoder.bias is not None) == bias
    if bias:
        assert head.decoder.bias is head.bias
        assert torch.equal(head.bias, stored["cls.predictions.bias"])


def test_a_bert_without_a_language_head_says_that_its_head_is_random(tiny_bert, tmp_path, caplog):
    from safetensors.torch import load_file, save_file

    stored = load_file(tiny_bert / "model.safetensors")
    save_file({k: v for k, v in stored.items() if k.startswith("bert.")}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text((tiny_bert / "config.json").read_text())
    bert = build_model(config_of(tiny_bert)).mm_encoder.bert
    load_head(str(tmp_path), bert)
    assert "holds no language head; the head starts at random" in caplog.text


def test_an_encoder_without_a_head_is_refused(tiny_bert):
    with pytest.raises(ConfigError, match="'MMBertForJoint'; MMFusionMFMMLM needs 'MMBertForMFMMLM'"):
        build_model(config_of(tiny_bert, "MMFusionMFMMLM", "MMBertForJoint"))


def test_one_label_alone_is_refused(tiny_bert):
    inputs = batch()
    del inputs["text_label"]
    with pytest.raises(DataError, match="only one of video_label and text_label"):
        build_model(config_of(tiny_bert))(**inputs)
