"""The width of features: said by the folder, followed by the model, and refused where it cannot be right."""

import json

import numpy as np
import pytest

from mmpt.config import DatasetConfig, TaskConfig
from mmpt.errors import ConfigError, DataError
from mmpt.store.featurewidth import feature_width, with_feature_width
from mmpt.store.meta import ArraySpec, video_prefix
from mmpt.store.shard_writer import write_shards


def write_split(folder, split, width):
    write_shards(
        video_prefix(folder),
        split,
        {0: ["a", "b"]},
        lambda ids: ((np.zeros((2, width), np.float16),) for _ in ids),
        [ArraySpec("", "float16", width)],
        {"extractor": "fake"},
    )


def task(folder, dim=None):
    return TaskConfig(dataset=DatasetConfig(vfeat_dir=str(folder), vfeat_dim=dim))


def test_shards_say_it_in_their_meta_file(tmp_path):
    write_split(tmp_path, "train", 24)
    assert feature_width(tmp_path) == 24
    assert with_feature_width(task(tmp_path)).dataset.vfeat_dim == 24
    assert with_feature_width(task(tmp_path, 24)).dataset.vfeat_dim == 24
    with pytest.raises(ConfigError, match=r"vfeat_dim is 512, and the features in .* are 24 numbers wide"):
        with_feature_width(task(tmp_path, 512))


def test_splits_of_two_widths_are_refused_with_both(tmp_path):
    write_split(tmp_path, "train", 24)
    write_split(tmp_path, "val", 32)
    with pytest.raises(ConfigError, match=r"24 by train_meta\.json and 32 by val_meta\.json"):
        feature_width(tmp_path)


def test_single_files_say_it_in_the_record_of_their_extraction_or_in_their_header(tmp_path):
    np.save(tmp_path / "v.npy", np.zeros((3, 24), np.float16))
    assert feature_width(tmp_path) == 24
    (tmp_path / "extraction.json").write_text(json.dumps({"extractor": "x", "dim": 48}))
    assert feature_width(tmp_path) == 48


def test_shards_of_the_original_say_it_in_their_header_and_captions_do_not_count(golden, tmp_path):
    # The original's meta is a pickle of ids; its shards hold 512 numbers in a row.
    (vfeat_dir,) = {path.parent for path in (golden / "legacy").rglob("train_meta.pkl")}
    assert feature_width(vfeat_dir) == 512
    np.save(tmp_path / "cap.train_0.startends_data.npy", np.zeros((3, 2), np.float32))
    np.save(tmp_path / "train_0_starts.npy", np.zeros(2, np.int64))
    assert feature_width(tmp_path) is None


def test_where_there_are_no_features_the_key_is_left_alone(tmp_path):
    assert with_feature_width(task(tmp_path, 24)).dataset.vfeat_dim == 24
    assert with_feature_width(task(tmp_path / "none")).dataset.vfeat_dim is None
    assert with_feature_width(TaskConfig()).dataset.vfeat_dim is None


def test_a_damaged_meta_file_is_named(tmp_path):
    (tmp_path / "train_meta.json").write_text("{")
    with pytest.raises(DataError, match=r"train_meta\.json is not valid JSON"):
        with_feature_width(task(tmp_path))
