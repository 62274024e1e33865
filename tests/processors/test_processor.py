import numpy as np
import pytest

from mmpt.config import DatasetConfig
from mmpt.errors import ConfigError, DataError
from mmpt.processors import Aligner, MetaProcessor, TextProcessor, VideoProcessor
from mmpt.utils.tokenizer import load_tokenizer


@pytest.fixture
def config(tiny_bert, tmp_path):
    np.save(tmp_path / "v1.npy", np.arange(12, dtype=np.float16).reshape(6, 2))
    return DatasetConfig(bert_name=str(tiny_bert), vfeat_dir=str(tmp_path), max_video_len=4, max_len=12)


def test_a_users_text_is_built_as_the_readme_says(config):
    tokenizer, aligner = load_tokenizer(config.bert_name), Aligner(config)
    caps, cmasks = aligner._build_text_seq(tokenizer("cut the onion", add_special_tokens=False)["input_ids"])
    # 12 - 4 = 8 positions: [CLS] [SEP], 3 words, [SEP], 2 [PAD].
    assert tokenizer.convert_ids_to_tokens(caps) == [
        "[CLS]", "[SEP]", "cut", "the", "onion", "[SEP]", "[PAD]", "[PAD]",
    ]  # fmt: skip
    assert cmasks.tolist() == [True] * 6 + [False] * 2


@pytest.mark.parametrize(
    "captions", [[[5, 6], [7], [8, 9]], np.array([[5, 6], [7, -1], [8, 9]]), {"cap": [[5, 6], [7], [8, 9]]}]
)
def test_chosen_captions_are_joined(config, captions):
    caps, _ = Aligner(config)._build_text_seq(captions, [0, 2])
    assert caps[2:6].tolist() == [5, 6, 8, 9]


def test_chosen_parts_of_a_video_are_joined(config):
    feature = np.arange(6, dtype=np.float32)[:, None]
    vfeats, vmasks = Aligner(config)._build_video_seq(feature, clips={"start": [0, 4], "end": [2, 5]})
    assert vfeats[:, 0].tolist() == [0, 1, 4, 0]
    assert vmasks.tolist() == [True, True, True, False]


def test_a_video_or_its_part_is_read_from_its_file(config):
    read = VideoProcessor(config)
    assert read("v1").shape == (6, 2)
    # Seconds 1.2 to 3.5 touch the seconds 1, 2 and 3.
    assert read(("v1", 1.2, 3.5))[:, 0].tolist() == [2, 4, 6]


def test_a_part_outside_the_video_is_refused(config):
    with pytest.raises(DataError, match=r"Seconds 6 to 9 of .*v1\.npy are asked for, and it has 6 seconds"):
        VideoProcessor(config)(("v1", 6, 9))


def test_a_missing_and_a_truncated_feature_file_are_named(config, tmp_path):
    with pytest.raises(DataError, match=r"v2\.npy does not exist"):
        VideoProcessor(config)("v2")
    (tmp_path / "v1.npy").write_bytes((tmp_path / "v1.npy").read_bytes()[:-3])
    with pytest.raises(DataError, match=r"v1\.npy is truncated"):
        VideoProcessor(config)("v1")


def test_a_file_that_is_no_row_per_second_is_refused(config, tmp_path):
    np.save(tmp_path / "flat.npy", np.zeros(512))
    with pytest.raises(
        DataError, match=r"flat\.npy holds an array of shape \(512,\); one feature vector per second"
    ):
        VideoProcessor(config)("flat")


def test_a_text_becomes_ids_without_special_tokens(config):
    tokenizer = load_tokenizer(config.bert_name)
    ids = TextProcessor(config)("cut the onion")
    assert tokenizer.convert_ids_to_tokens(ids) == ["cut", "the", "onion"]


def test_a_text_that_is_nan_is_refused(config):
    with pytest.raises(DataError, match=r"A text is nan \(float\); a string is expected"):
        TextProcessor(config)(float("nan"))


def test_a_missing_key_is_named_with_the_class_that_needs_it(config):
    with pytest.raises(ConfigError, match=r"VideoProcessor needs dataset\.vfeat_dir"):
        VideoProcessor(config.replace(vfeat_dir=None))
    with pytest.raises(ConfigError, match=r"split 'valid' needs dataset\.val_path"):
        MetaProcessor(config.replace(split="valid"))
    with pytest.raises(ConfigError, match=r"dataset\.split is 'dev'; allowed are train, valid, test"):
        MetaProcessor(config.replace(split="dev"))
