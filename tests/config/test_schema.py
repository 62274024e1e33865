import copy
import pickle

import pytest

from mmpt.config import TaskConfig
from mmpt.errors import ConfigError


def test_absent_keys_have_their_defaults():
    config = TaskConfig.from_mapping({"dataset": {"max_len": 24}})
    assert config.dataset.max_len == 24
    assert config.dataset.num_iso_layer is None
    assert config.model.model_cls is None
    assert config.task == "Task"
    assert config.fairseq == {}


def test_null_means_the_default_for_keys_and_sections():
    config = TaskConfig.from_mapping({"dataset": {"max_len": None}, "model": None, "fairseq": None})
    assert config.dataset.max_len == 96
    # ... except where null is a value of its own.
    assert TaskConfig.from_mapping({"extractor": {"dict_path": None}}).extractor.dict_path is None
    assert config.model.num_hidden_video_layers == 6
    assert config.fairseq == {}


def test_undeclared_keys_are_kept_as_attributes():
    config = TaskConfig.from_mapping({"dataset": {"my_list": "a.txt"}, "mine": 3})
    assert config.dataset.my_list == "a.txt"
    assert config.mine == 3
    with pytest.raises(AttributeError, match="DatasetConfig has no key 'other'"):
        _ = config.dataset.other


def test_get_falls_back_when_a_key_is_absent_or_null():
    dataset = TaskConfig.from_mapping({"dataset": {"max_len": 24, "my_list": "a"}}).dataset
    assert dataset.get("max_len", 1) == 24
    assert dataset.get("dup", 1) == dataset.get("nothing", 1) == 1
    assert dataset.get("my_list") == "a"


def test_replace_gives_a_changed_copy():
    dataset = TaskConfig.from_mapping({"dataset": {"mine": 1}}).dataset
    changed = dataset.replace(split="test", mine=2)
    assert (changed.split, changed.mine) == ("test", 2)
    assert (dataset.split, dataset.mine) == (None, 1)


def test_a_configuration_survives_pickling_and_copying():
    config = TaskConfig.from_mapping({"dataset": {"mine": [1]}, "fairseq": {"common": {"seed": 1}}})
    assert pickle.loads(pickle.dumps(config)) == copy.deepcopy(config) == config


def test_a_section_that_is_no_mapping_is_refused():
    with pytest.raises(ConfigError, match="dataset: must be a mapping of keys to values, got 5"):
        TaskConfig.from_mapping({"dataset": 5})
