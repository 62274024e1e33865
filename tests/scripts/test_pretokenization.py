"""Captions to token shards: scripts/text_token_extractor/pretokenization.py."""

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from mmpt.config import DatasetConfig
from mmpt.errors import ConfigError, DataError
from mmpt.processors import ShardedTextProcessor
from mmpt.store.caption_writer import write_captions
from mmpt.store.captions import Caption
from mmpt.store.meta import ArraySpec, load_meta
from mmpt.store.pretokenize import caption_prefix, check_vocabulary, pretokenize, read_config
from mmpt.store.shard_writer import write_shards
from mmpt.store.shards import ShardReader
from mmpt.store.verify import verify_shards

SCRIPTS = Path(__file__).parents[2] / "scripts"
CONFIGS = sorted((SCRIPTS / "text_token_extractor/configs").glob("*.yaml"))


def script(name):
    spec = importlib.util.spec_from_file_location(Path(name).stem, SCRIPTS / name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def vocabulary(tiny_bert):
    words = (tiny_bert / "vocab.txt").read_text().split()
    return {word: number for number, word in enumerate(words)}


@pytest.fixture
def words(vocabulary):
    """Three words of the tiny vocabulary."""
    return [word for word in vocabulary if word.isalpha() and word.islower() and len(word) > 2][:3]


@pytest.fixture
def config_file(tmp_path, tiny_bert, words):
    """Video shards of a, b | c and captions of a (two, one of them long) and c (one)."""
    one = [[np.zeros((9, 4), np.float16)]]
    shards = {0: ["a", "b"], 1: ["c"]}
    write_shards(
        f"{tmp_path}/feat/", "train", shards, lambda i: one * len(i), [ArraySpec("", "float16", 4)], {}
    )
    long_text = " ".join(words[:1] * 20)
    captions = [
        ("a", [Caption(0, 1.5, " ".join(words)), Caption(2, 3, long_text)]),
        ("c", [Caption(4, 5, words[2])]),
    ]
    write_captions(tmp_path / "raw_caption_dedup.jsonl", captions)
    path = tmp_path / "config.yaml"
    dataset = {
        "bert_name": str(tiny_bert),
        "vfeat_dir": str(tmp_path / "feat"),
        "caption_path": str(tmp_path / "raw_caption_dedup.pkl"),
        "splits": ["train"],
        "max_tokens": 8,
    }
    path.write_text(yaml.safe_dump({"dataset": dataset}))
    return path


def test_token_shards_line_up_with_the_video_shards(config_file, words, vocabulary):
    config = read_config(config_file)
    assert caption_prefix(config).endswith("/feat/raw_caption_dedup.bert.")
    report = pretokenize(config)
    times = ShardReader(caption_prefix(config), "train", ".startends", items={0: 2, 1: 1}, dim=2)
    tokens = ShardReader(caption_prefix(config), "train", ".caps_ids", items={0: 2, 1: 1}, dim=8)
    np.testing.assert_array_equal(times[0, 0], np.array([[0, 1.5], [2, 3]], np.float32))
    first, long = tokens[0, 0].tolist()
    assert first == [vocabulary[word] for word in words] + [-1] * 5
    assert long == [vocabulary[words[0]]] * 8
    assert times[0, 1].shape == (0, 2)
    assert tokens[0, 1].shape == (0, 8)
    assert tokens[1, 0][0, :2].tolist() == [vocabulary[words[2]], -1]
    assert (report.videos, report.captions, report.cut, report.without_captions) == (3, 3, 1, ["b"])
    assert verify_shards(Path(config.vfeat_dir)).problems == []


def test_a_second_run_keeps_everything_and_another_tokenizer_setting_does_not(config_file):
    config = read_config(config_file)
    pretokenize(config)
    assert pretokenize(config).videos == 0
    assert pretokenize(config.replace(max_characters=9)).videos == 3
    assert load_meta(caption_prefix(config), "train").source["max_characters"] == 9


def test_the_command_reports_what_it_did(config_file, caplog):
    with caplog.at_level("INFO"):
        assert script("text_token_extractor/pretokenization.py").main([str(config_file)]) == 0
    assert "3 videos, 3 captions, 1 of them cut, 1 videos without captions (the first is 'b')" in caplog.text


def test_shards_of_another_vocabulary_are_refused(config_file, tiny_bert, tmp_path):
    config = read_config(config_file)
    pretokenize(config)
    check_vocabulary(caption_prefix(config), "train", str(tiny_bert))
    check_vocabulary(caption_prefix(config), "val", str(tiny_bert))  # no meta file, as with old shards
    other = tmp_path / "other"
    shutil.copytree(tiny_bert, other)
    words = (other / "vocab.txt").read_text().splitlines()
    (other / "vocab.txt").write_text("\n".join([*words[:-2], words[-1], words[-2]]) + "\n")
    with pytest.raises(
        DataError, match=r"made with the vocabulary of '.*bert', which is not that of .*other'"
    ):
        check_vocabulary(caption_prefix(config), "train", str(other))
    section = DatasetConfig(split="train", tfeat_dir=caption_prefix(config), bert_name=str(other))
    with pytest.raises(DataError, match=r"Tokenise the captions again"):
        ShardedTextProcessor(section)


def test_missing_shards_and_captions_are_named(config_file, tmp_path):
    config = read_config(config_file)
    with pytest.raises(DataError, match=r"no shards of the split 'val'"):
        pretokenize(config.replace(splits=["val"]))
    with pytest.raises(DataError, match=r"none\.jsonl does not exist"):
        pretokenize(config.replace(caption_path=str(tmp_path / "none.jsonl")))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_shipped_configuration_is_valid(path):
    config = read_config(path)
    assert caption_prefix(config).startswith(config.vfeat_dir)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x: 1", "a section 'dataset:'"),
        ("dataset: {bert_nam: a, vfeat_dir: b}", "did you mean 'bert_name'.*dataset.bert_name is missing"),
        (
            "dataset: {bert_name: a, vfeat_dir: b, max_tokens: x}",
            "max_tokens must be a whole number, got 'x'",
        ),
        ("dataset: !!python/object/apply:os.system [touch marker]", "not valid YAML"),
    ],
)
def test_a_wrong_configuration_is_refused(tmp_path, text, message, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_config("config.yaml")
    assert not Path("marker").exists()


def test_captions_of_other_videos_are_refused_before_anything_is_written(config_file, tmp_path):
    write_captions(tmp_path / "raw_caption_dedup.jsonl", [("x", [Caption(0, 1, "hello")])])
    before = sorted((tmp_path / "feat").iterdir())
    with pytest.raises(
        DataError, match=r"dedup\.jsonl \(1 videos\) has no caption of any of the 3 videos in .*feat"
    ):
        pretokenize(read_config(config_file))
    assert sorted((tmp_path / "feat").iterdir()) == before


def test_limits_below_one_and_no_splits_are_refused(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("dataset: {bert_name: x, vfeat_dir: y, max_tokens: -1, max_characters: 0, splits: []}")
    with pytest.raises(
        ConfigError, match=r"max_tokens must be at least 1, got -1.*max_characters.*splits is empty"
    ):
        read_config(path)
