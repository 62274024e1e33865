"""Masking of frames and words: shares, what becomes of a chosen word, and what is never touched."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mmpt.config import DatasetConfig
from mmpt.processors import FrameMaskingProcessor, TextGenerationProcessor, TextMaskingProcessor
from mmpt.types import IGNORED
from mmpt.utils.tokenizer import load_tokenizer


@pytest.fixture(scope="module")
def config(tiny_bert):
    return DatasetConfig(bert_name=str(tiny_bert))


@pytest.fixture(scope="module")
def tokenizer(config):
    return load_tokenizer(config.bert_name)


def rng(seed=0):
    return np.random.default_rng(seed)


def texts(tokenizer, clips, words=60, padding=7):
    """``[CLS] [SEP] words [SEP] [PAD]...``, every word another than the one before it."""
    sep, pad = tokenizer.sep_token_id, tokenizer.pad_token_id
    line = [tokenizer.cls_token_id, sep, *(20 + i % 100 for i in range(words)), sep] + [pad] * padding
    caps = torch.tensor([line] * clips)
    return caps, caps != pad


def test_about_the_given_share_of_real_seconds_is_masked_and_no_padding(config):
    vmasks = torch.arange(32).expand(2000, -1) < 20
    label = FrameMaskingProcessor(config)(vmasks, rng=rng())
    assert label.dtype == torch.bool
    assert not label[:, 20:].any()
    # 40 000 seconds at 0.15: the standard deviation of the share is 0.0018.
    assert label[:, :20].float().mean().item() == pytest.approx(0.15, abs=0.01)


def test_each_clip_may_have_its_own_share(config):
    vmasks = torch.arange(8).expand(3, -1) < 5
    label = FrameMaskingProcessor(config)(vmasks, np.array([0.0, 1.0, 0.5]), rng=rng())
    assert not label[0].any()
    assert torch.equal(label[1], vmasks[1])


def test_of_the_chosen_words_80_percent_are_hidden_10_replaced_and_10_kept(config, tokenizer):
    caps, cmasks = texts(tokenizer, 1000)
    masked, label = TextMaskingProcessor(config)(caps, cmasks, rng=rng())
    chosen = label != IGNORED
    assert chosen.sum().item() / (1000 * 60) == pytest.approx(0.15, abs=0.01)
    assert torch.equal(label[chosen], caps[chosen])
    assert torch.equal(masked[~chosen], caps[~chosen])
    # About 9 000 words are chosen: a standard deviation is 0.004 of them. 1 of 154 replacements is the word.
    hidden, kept = masked == tokenizer.mask_token_id, masked == caps
    assert hidden[chosen].float().mean().item() == pytest.approx(0.8, abs=0.02)
    assert kept[chosen].float().mean().item() == pytest.approx(0.1, abs=0.02)
    replaced = masked[chosen & ~hidden & ~kept]
    assert not set(replaced.tolist()) & set(tokenizer.all_special_ids)
    assert len(set(replaced.tolist())) > 100


def test_special_tokens_are_never_chosen_also_where_everything_is(config, tokenizer):
    caps, cmasks = texts(tokenizer, 2)
    caps[:, 10] = tokenizer.unk_token_id
    masked, label = TextMaskingProcessor(config)(caps, cmasks, np.ones(2), rng=rng())
    special = torch.isin(caps, torch.tensor(tokenizer.all_special_ids))
    assert (label[special] == IGNORED).all()
    assert torch.equal(masked[special], caps[special])
    # The rest is hidden whole: nothing kept, nothing replaced.
    assert (masked[~special] == tokenizer.mask_token_id).all()
    assert torch.equal(label[~special], caps[~special])


def test_masking_leaves_its_inputs_and_is_decided_by_the_generator(config, tokenizer):
    caps, cmasks = texts(tokenizer, 4)
    before = caps.clone()
    masking = TextMaskingProcessor(config)
    once, again, other = (masking(caps, cmasks, rng=rng(seed)) for seed in (1, 1, 2))
    assert torch.equal(caps, before)
    assert torch.equal(once[0], again[0])
    assert torch.equal(once[1], again[1])
    assert not torch.equal(once[1], other[1])


def test_masking_of_one_clip_needs_no_leading_dimension(config, tokenizer):
    caps, cmasks = texts(tokenizer, 1)
    masking = TextMaskingProcessor(config)
    for found, expected in zip(
        masking(caps[0], cmasks[0], rng=rng()), masking(caps, cmasks, rng=rng()), strict=True
    ):
        assert torch.equal(found, expected[0])


@given(lengths=st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_generation_reads_each_word_after_the_one_that_it_is_to_follow(lengths):
    # 101 [CLS], 102 [SEP], 0 [PAD]: captioning reads [CLS] [SEP] [CLS] w1 ... wn and says w1 ... wn [SEP].
    words = [list(range(1, n + 1)) for n in lengths]
    caps = torch.tensor([[101, 102, *w, 102, *[0] * (6 - len(w))] for w in words])
    inputs, label = TextGenerationProcessor()(caps, caps != 0)
    for row, w in enumerate(words):
        padding = 6 - len(w)
        assert inputs[row].tolist() == [101, 102, 101, *w, *[0] * padding]
        assert label[row].tolist() == [IGNORED, IGNORED, *w, 102, *[IGNORED] * padding]
