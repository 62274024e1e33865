"""The tokenizer of a folder, and folders that have none."""

import json
import shutil

import pytest

from mmpt.errors import ConfigError
from mmpt.utils.tokenizer import load_tokenizer


@pytest.fixture
def bert(tmp_path, tiny_bert):
    shutil.copytree(tiny_bert, tmp_path / "bert")
    return tmp_path / "bert"


@pytest.mark.parametrize("content", [None, ""], ids=["missing", "empty"])
def test_a_folder_without_words_is_refused_instead_of_reading_all_text_as_unknown(bert, content):
    (bert / "vocab.txt").unlink()
    if content is not None:
        (bert / "vocab.txt").write_text(content)
    with pytest.raises(
        ConfigError, match=r"bert' has a tokenizer without any word: its vocab\.txt is missing or"
    ):
        load_tokenizer(str(bert))


@pytest.mark.parametrize(("name", "content"), [("vocab.txt", b"\xff\n"), ("tokenizer.json", b'{"a": 1}')])
def test_damaged_files_are_named(bert, name, content):
    (bert / name).write_bytes(content)
    with pytest.raises(ConfigError, match="bert' has no usable tokenizer files"):
        load_tokenizer(str(bert))


def test_code_that_a_folder_brings_along_never_runs(bert, tmp_path, monkeypatch):
    values = {"tokenizer_class": "X", "auto_map": {"AutoTokenizer": ["x.X", "x.X"]}}
    (bert / "tokenizer_config.json").write_text(json.dumps(values))
    (bert / "x.py").write_text(f"open({str(tmp_path / 'marker')!r}, 'w')\nclass X: pass\n")
    monkeypatch.setattr("builtins.input", lambda _: "y")  # transformers would ask whether to run it
    with pytest.raises(ConfigError, match=r"has no usable tokenizer files \(ValueError\)"):
        load_tokenizer(str(bert))
    assert not (tmp_path / "marker").exists()
