"""Token ids by looking words up are those that the tokenizer gives."""

import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpt.store import tokenizing
from mmpt.store.tokenizing import splits_at_spaces, token_bytes, token_rows
from mmpt.utils.tokenizer import load_tokenizer

# White space of all kinds, marks that join the letter before, characters that are taken out, a sigma.
ODD = "ab Zé.'-\t\n\r\x1c\x85\xa0\u2028\u3000\u0301\u200b\ufffd\u4e2d\u03a3#[]\U0001f9c5"
TEXTS = st.lists(
    st.one_of(
        st.text(st.sampled_from(ODD), max_size=40),
        st.text(max_size=20),
        st.sampled_from(["[MASK] cut", "cut[SEP]the", "the  red   onion", "", " ", "x" * 120]),
    ),
    max_size=4,
)


def expected(tokenizer, texts, characters, length):
    rows = np.full((len(texts), length), -1, np.int32)
    for row, text in zip(rows, texts, strict=True):
        ids = tokenizer(text[:characters], add_special_tokens=False)["input_ids"][:length]
        row[: len(ids)] = ids
    return rows


@given(TEXTS, st.integers(1, 50), st.integers(1, 12))
def test_every_text_gives_the_ids_that_the_tokenizer_gives(tiny_bert, texts, characters, length):
    tokenizer = load_tokenizer(str(tiny_bert))
    rows, cut = token_rows(str(tiny_bert), True, texts, characters, length)
    np.testing.assert_array_equal(rows, expected(tokenizer, texts, characters, length))
    assert cut == sum(
        len(text) > characters
        or len(tokenizer(text[:characters], add_special_tokens=False)["input_ids"]) > length
        for text in texts
    )


def test_words_are_forgotten_when_there_are_too_many(tiny_bert, monkeypatch):
    monkeypatch.setattr(tokenizing, "MAX_WORDS", 3)
    texts = ["cut the red onion and the carrot", "the red the red cut"]
    rows, _ = token_rows(str(tiny_bert), True, texts, 96, 8)
    np.testing.assert_array_equal(rows, expected(load_tokenizer(str(tiny_bert)), texts, 96, 8))


@pytest.fixture
def byte_level(tmp_path):
    """A tokenizer whose tokens reach across spaces."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    plain = Tokenizer(models.BPE())
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    texts = ["cut the red onion", "the red carrot"]
    plain.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=300, show_progress=False))
    PreTrainedTokenizerFast(tokenizer_object=plain).save_pretrained(tmp_path / "bpe")
    return str(tmp_path / "bpe")


def test_a_tokenizer_that_sees_spaces_is_called_with_the_texts(byte_level):
    tokenizer = load_tokenizer(byte_level)
    assert not splits_at_spaces(tokenizer)
    texts = ["the red onion", "red", ""]
    rows, cut = token_rows(byte_level, True, texts, 96, 4)
    np.testing.assert_array_equal(rows, expected(tokenizer, texts, 96, 4))
    assert cut == 0
    assert token_bytes(byte_level, True)([]) == []


def test_added_words_with_spaces_forbid_looking_words_up(tiny_bert, tmp_path):
    assert splits_at_spaces(load_tokenizer(str(tiny_bert)))
    folder = tmp_path / "added"
    shutil.copytree(tiny_bert, folder)
    tokenizer = load_tokenizer(str(folder))
    tokenizer.add_tokens(["red onion"])
    assert not splits_at_spaces(tokenizer)
