"""Captioning inputs: equal to the recorded ones, and the prompt of a caption to be written."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mmpt.config import DatasetConfig
from mmpt.datasets import collate
from mmpt.errors import ConfigError, DataError
from mmpt.processors import DSNLGAligner, NLGTextProcessor


def aligner(tiny_bert, split):
    return DSNLGAligner(DatasetConfig(bert_name=str(tiny_bert), max_video_len=8, max_len=24, split=split))


@pytest.fixture(params=["nlg", "nlg_end"])
def recorded(request, golden):
    return load_file(golden / request.param / "inputs.safetensors")


def items(recorded):
    """(features, tokens) of each recorded item: ``raw_caps`` is [CLS] [SEP] words [SEP]."""
    for row in range(len(recorded["caps"])):
        seconds = recorded["vfeats"][row][recorded["vmasks"][row]].numpy()
        yield seconds, recorded["raw_caps"][row][recorded["cmasks"][row]][2:-1].tolist()


def test_training_inputs_equal_the_recorded_ones(recorded, tiny_bert):
    build = aligner(tiny_bert, "train")
    batch = collate([build("v", video, (tokens, "text")) for video, tokens in items(recorded)])
    for name in ("caps", "cmasks", "vmasks", "text_label", "attention_mask"):
        assert batch[name].dtype == recorded[name].dtype
        assert torch.equal(batch[name], recorded[name])
    assert "text" not in batch


def test_prompts_equal_the_recorded_ones(recorded, tiny_bert):
    build = aligner(tiny_bert, "test")
    batch = collate([build("v", video, (tokens, "text")) for video, tokens in items(recorded)])
    for name, key in [
        ("caps", "gen_caps"),
        ("cmasks", "gen_cmasks"),
        ("attention_mask", "gen_attention_mask"),
    ]:
        assert torch.equal(batch[name], recorded[key])
    assert batch["text"] == ["text"] * len(recorded["caps"])


def test_clips_of_one_video_have_names_of_their_own(tiny_bert):
    build = aligner(tiny_bert, "test")
    names = [
        build(video, np.ones((3, 512)), ([5], "a"))["clip"] for video in (("v", 3, 9.5), ("v", 9, 12), "w")
    ]
    assert names == ["v 3.0-9.5", "v 9.0-12.0", "w"]


def test_a_sentence_that_is_too_long_is_cut_and_still_ends(tiny_bert):
    # 24 - 8 = 16 positions: three special tokens before and 13 words, after the last of which [SEP] is due.
    example = aligner(tiny_bert, "valid")("v", np.ones((3, 512)), (list(range(20, 60)), "long"))
    assert example["caps"].tolist() == [11, 12, 11, *range(20, 33)]
    assert example["text_label"].tolist() == [-100, -100, *range(20, 33), 12]


def test_a_sentence_is_kept_beside_its_tokens(tiny_bert):
    tokens, sentence = NLGTextProcessor(DatasetConfig(bert_name=str(tiny_bert)))("cut the onion")
    assert sentence == "cut the onion"
    assert len(tokens) >= 3


def test_what_is_no_sentence_is_refused(tiny_bert):
    with pytest.raises(DataError, match="a string is expected"):
        NLGTextProcessor(DatasetConfig(bert_name=str(tiny_bert)))(float("nan"))


def test_a_text_processor_that_keeps_no_sentence_is_named(tiny_bert):
    with pytest.raises(ConfigError, match="NLGTextProcessor or MSRVTTNLGTextProcessor"):
        aligner(tiny_bert, "train")("v", np.ones((3, 512)), [20, 21])
