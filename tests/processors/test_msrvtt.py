import json

import numpy as np
import pytest

from mmpt.config import DatasetConfig
from mmpt.errors import ConfigError, DataError
from mmpt.processors import MSRVTTMetaProcessor, MSRVTTNLGTextProcessor, MSRVTTTextProcessor
from mmpt.utils.tokenizer import load_tokenizer


@pytest.fixture
def config(tmp_path, tiny_bert):
    (tmp_path / "train.csv").write_text("video_id\nvideo1\nvideo2\n")
    (tmp_path / "full.csv").write_text("video_id,sentence\nvideo3,cut\nvideo4,stir\n")
    (tmp_path / "jsfusion.csv").write_text(
        'key,vid_key,video_id,sentence\nret0,msr4,video4,"stir it, fast"\nret1,msr5,video5,cut\n'
    )
    sentences = [("video1", "cut the onion"), ("video1", "stir the onion"), ("video2", "cut")]
    content = {
        "videos": [],
        "sentences": [{"video_id": v, "caption": text, "sen_id": 0} for v, text in sentences],
    }
    (tmp_path / "data.json").write_text(json.dumps(content))
    return DatasetConfig(
        split="train",
        bert_name=str(tiny_bert),
        train_path=str(tmp_path / "train.csv"),
        val_path=str(tmp_path / "jsfusion.csv"),
        jsfusion_path=str(tmp_path / "jsfusion.csv"),
        json_path=str(tmp_path / "data.json"),
    )


def test_training_joins_the_rest_of_the_full_test_split_and_repeats(config, tmp_path):
    # video4 is held out by the 1k-A split; video3 joins; the list of 3 is repeated twice.
    config = config.replace(full_test_path=str(tmp_path / "full.csv"), dup=2, json_path=None)
    meta = MSRVTTMetaProcessor(config)
    assert list(meta) == [(video, video) for video in ("video1", "video2", "video3") * 2]


def test_evaluation_pairs_videos_with_their_sentence(config):
    meta = MSRVTTMetaProcessor(config.replace(split="valid"))
    assert list(meta) == [("video4", "stir it, fast"), ("video5", "cut")]


def test_videos_without_features_are_left_out_and_recorded(config, tmp_path):
    (tmp_path / "feat").mkdir()
    np.save(tmp_path / "feat" / "video2.npy", np.zeros((1, 2)))
    meta = MSRVTTMetaProcessor(config.replace(vfeat_dir=str(tmp_path / "feat"), dup=3))
    assert list(meta) == [("video2", "video2")] * 3
    assert meta.dropped == {f"without a feature file in {tmp_path / 'feat'}": ["video1"]}


def test_training_videos_without_sentences_are_left_out_and_recorded(config, tmp_path):
    meta = MSRVTTMetaProcessor(config.replace(full_test_path=str(tmp_path / "full.csv")))
    assert [video for video, _ in meta] == ["video1", "video2"]
    assert meta.dropped == {f"without a sentence in {config.json_path}": ["video3"]}


def test_training_takes_any_sentence_of_the_video(config):
    tokenizer, tokenise = load_tokenizer(config.bert_name), MSRVTTTextProcessor(config)
    rng = np.random.default_rng(0)
    drawn = {" ".join(tokenizer.convert_ids_to_tokens(tokenise("video1", rng=rng))) for _ in range(20)}
    assert drawn == {"cut the onion", "stir the onion"}


def test_evaluation_takes_the_sentence_it_is_given(config):
    tokenise = MSRVTTTextProcessor(config.replace(split="test", json_path=None))
    assert len(tokenise("cut the onion")) == 3


def test_captioning_keeps_the_sentence_beside_its_tokens(config):
    for seed in range(5):
        tokens, sentence = MSRVTTNLGTextProcessor(config)("video1", rng=np.random.default_rng(seed))
        drawn = MSRVTTTextProcessor(config)("video1", rng=np.random.default_rng(seed))
        assert tokens == drawn
        assert load_tokenizer(config.bert_name).decode(tokens) == sentence
    given = MSRVTTNLGTextProcessor(config.replace(split="test", json_path=None))
    assert given("cut the onion") == (ids_of(config, "cut the onion"), "cut the onion")


def ids_of(config, sentence):
    return load_tokenizer(config.bert_name)(sentence, add_special_tokens=False)["input_ids"]


def test_training_without_a_generator_says_how_to_give_one(config):
    with pytest.raises(ConfigError, match=r"give it rng=numpy\.random\.default_rng"):
        MSRVTTTextProcessor(config)("video1")


def test_a_video_without_sentences_is_named(config):
    with pytest.raises(DataError, match=r"Video 'video9' has no sentence in .*data\.json"):
        MSRVTTTextProcessor(config)("video9", rng=np.random.default_rng(0))


def test_training_without_the_sentences_is_refused(config):
    with pytest.raises(ConfigError, match=r"MSRVTTTextProcessor needs dataset\.json_path"):
        MSRVTTTextProcessor(config.replace(json_path=None))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("video_id,text\nvideo1,cut\n", r"has the columns video_id, text and lacks sentence"),
        ("video_id,sentence\nvideo1,\n", r"The text of video 'video1' \(line 2 of .*test\.csv\) is ''"),
        ("video_id,sentence\nvideo1,cut, fast\n", r"Line 2 of .*test\.csv does not have 2 cells"),
        ("video_id,sentence\nvideo1\n", r"Line 2 of .*test\.csv does not have 2 cells"),
        ('video_id,sentence\nvideo1,"cut\n', r"table .*test\.csv is damaged at line 2"),
    ],
)
def test_a_broken_table_is_refused_by_file_and_line(config, tmp_path, content, message):
    (tmp_path / "test.csv").write_text(content)
    with pytest.raises(DataError, match=message):
        MSRVTTMetaProcessor(config.replace(split="test", test_path=str(tmp_path / "test.csv")))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "has no list 'sentences'"),
        ('{"sentences": [{"video_id": "v"}]}', "Sentence 0 of .* needs 'video_id' and 'caption'"),
        (
            '{"sentences": [{"video_id": ["v"], "caption": "cut"}]}',
            r"The text of 'video_id' in sentence 0 of .* is \['v'\]",
        ),
        (
            '{"sentences": [{"video_id": "v", "caption": NaN}]}',
            r"The text of video 'v' \(sentence 0 of .*is nan",
        ),
    ],
)
def test_a_foreign_json_file_is_refused(config, tmp_path, content, message):
    (tmp_path / "other.json").write_text(content)
    with pytest.raises(DataError, match=message):
        MSRVTTTextProcessor(config.replace(json_path=str(tmp_path / "other.json")))
