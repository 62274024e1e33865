"""Captions: kept states against running everything again, and what cannot be written."""

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.naive_generation import naive_captions
from mmpt.config import DatasetConfig, ModelConfig, TaskConfig
from mmpt.errors import ConfigError, DataError
from mmpt.models import build_model
from mmpt.processors.attention_masks import MMAttentionMask2DProcessor

SECONDS, TEXT = 6, 14
PAD, CLS, SEP = 0, 11, 12


def task(tiny_bert, **model):
    keys = {"model_cls": "MMFusionNLG", "mm_encoder_cls": "MMBertForNLG", **model}
    dataset = DatasetConfig(bert_name=str(tiny_bert), max_video_len=SECONDS, max_len=SECONDS + TEXT)
    return TaskConfig(dataset=dataset, model=ModelConfig(**keys))


@pytest.fixture(scope="module")
def model(tiny_bert):
    """A model whose captions vary in words and length: wide random weights, and a likely [SEP]."""
    torch.manual_seed(0)
    model = build_model(task(tiny_bert), pretrained=False).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter.normal_(std=0.25)
        model.mm_encoder.cls.predictions.bias[SEP] = 2.5
    return model


def prompts(seed, clips, seconds=SECONDS):
    draw = torch.Generator().manual_seed(seed)
    vmasks = torch.arange(seconds) < torch.randint(1, seconds + 1, (clips, 1), generator=draw)
    return {
        "caps": torch.tensor([[CLS, SEP, CLS]]).repeat(clips, 1),
        "cmasks": (cmasks := torch.ones(clips, TEXT, dtype=torch.bool)),
        "vfeats": torch.randn(clips, seconds, 512, generator=draw) * vmasks[..., None],
        "vmasks": vmasks,
        "attention_mask": MMAttentionMask2DProcessor()(vmasks, cmasks, "textgen"),
    }


def without_end(row):
    ids = row.tolist()[3:]
    return ids[: ids.index(SEP)] if SEP in ids else [token for token in ids if token != PAD]


@settings(max_examples=15)
@given(
    seed=st.integers(0, 1000),
    beams=st.integers(2, 6),
    length=st.integers(4, TEXT),
    penalty=st.sampled_from([0.0, 0.6, 1.0, 2.0]),
    seconds=st.integers(2, SECONDS),
)
def test_captions_equal_those_of_running_everything_again(model, seed, beams, length, penalty, seconds):
    inputs = prompts(seed, 3, seconds)
    found = model.generate(**inputs, num_beams=beams, max_length=length, length_penalty=penalty)
    with torch.no_grad():
        expected = naive_captions(
            model,
            inputs["caps"],
            inputs["vfeats"],
            inputs["attention_mask"],
            num_beams=beams,
            max_length=length,
            length_penalty=penalty,
        )
    assert found.shape[1] <= length
    assert [without_end(row) for row in found] == [[t for t in row[3:] if t != PAD] for row in expected]


def test_the_captions_of_these_tests_end_at_different_lengths(model):
    lengths = {len(without_end(row)) for row in model.generate(**prompts(0, 12), num_beams=3)}
    assert len(lengths) > 2


def test_greedy_takes_the_likeliest_word_of_the_training_logits(model):
    inputs = prompts(1, 4)
    found = model.generate(**inputs, max_length=9)
    caps = torch.nn.functional.pad(found, (0, TEXT - found.shape[1]))
    with torch.no_grad():
        logits = model(**{**inputs, "caps": caps})["logits"]
    for row, best in zip(found, logits.argmax(-1), strict=True):
        for place in range(3, found.shape[1]):
            if SEP not in row[3:place]:
                assert row[place] == best[place - 1]


@pytest.mark.parametrize("beams", [1, 4])
def test_a_clip_gets_its_caption_in_any_batch(model, beams):
    inputs = prompts(3, 5)
    together = model.generate(**inputs, num_beams=beams)
    for clip in range(5):
        alone = model.generate(
            **{key: value[clip : clip + 1] for key, value in inputs.items()}, num_beams=beams
        )
        assert without_end(alone[0]) == without_end(together[clip])


def test_the_longest_caption_is_the_configured_one_by_default(model, tiny_bert):
    assert model.generate(**prompts(4, 12)).shape[1] <= TEXT
    short = build_model(task(tiny_bert, max_decode_length=5), pretrained=False).eval()
    short.load_state_dict(model.state_dict())
    assert short.generate(**prompts(4, 12)).shape[1] == 5


def test_inputs_are_left_alone(model):
    inputs = prompts(5, 2)
    before = {key: value.clone() for key, value in inputs.items()}
    model.generate(**inputs, num_beams=3)
    assert all(torch.equal(inputs[key], before[key]) for key in before)


def test_labels_choose_the_logits_that_are_computed(model):
    inputs = {**prompts(6, 2), "caps": torch.randint(20, 100, (2, TEXT))}
    label = torch.full((2, TEXT), -100)
    label[0, 3], label[1, 7] = 5, 6
    with torch.no_grad():
        some, every = (model(**inputs, text_label=each)["logits"] for each in (label, None))
    assert every.shape == (2, TEXT, 159)
    torch.testing.assert_close(some, every[[0, 1], [3, 7]])


def test_the_head_starts_from_the_pretrained_one(tiny_bert):
    from safetensors.torch import load_file

    model = build_model(task(tiny_bert))
    weights = load_file(tiny_bert / "model.safetensors")
    head = model.mm_encoder.cls.predictions
    assert torch.equal(head.bias, weights["cls.predictions.bias"])
    assert torch.equal(head.transform.dense.weight, weights["cls.predictions.transform.dense.weight"])
    assert head.decoder.weight is model.mm_encoder.bert.embeddings.word_embeddings.weight


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_length": TEXT + 1}, f"longest caption is {TEXT + 1} tokens .* dataset.max_len leaves {TEXT}"),
        ({"max_length": 3}, "its prompt alone has 3"),
        ({"num_beams": 0}, "gen_param.num_beams is 0; give at least 1"),
    ],
)
def test_options_that_cannot_be_are_refused(model, options, message):
    with pytest.raises(ConfigError, match=message):
        model.generate(**prompts(7, 1), **options)


def test_a_mask_that_shows_later_words_is_refused(model):
    # The states of a word would change with every word after it.
    inputs = prompts(8, 1)
    full = MMAttentionMask2DProcessor()(inputs["vmasks"], inputs["cmasks"], "full")
    with pytest.raises(DataError, match="mask_type 'textgen'"):
        model.generate(**{**inputs, "attention_mask": full})


def test_an_encoder_without_head_is_named(tiny_bert):
    config = task(tiny_bert)
    config = dataclasses.replace(config, model=config.model.replace(mm_encoder_cls="MMBertForJoint"))
    with pytest.raises(
        ConfigError, match="mm_encoder_cls is 'MMBertForJoint'; MMFusionNLG needs 'MMBertForNLG'"
    ):
        build_model(config, pretrained=False)


def test_there_is_no_vector_of_a_video_alone(model):
    with pytest.raises(ConfigError, match="'MMFusionNLG' gives no vector"):
        model.encode_video(torch.tensor([[CLS, SEP]]), torch.zeros(1, 2, 512), torch.ones(1, 2).bool())
