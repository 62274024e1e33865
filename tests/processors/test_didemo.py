import json

import numpy as np
import pytest

from mmpt.config import DatasetConfig, TaskConfig
from mmpt.datasets import build_dataset
from mmpt.errors import ConfigError, DataError
from mmpt.processors import DiDeMoMetaProcessor

FLICKR = "1234@N00_56_7.8.mov"
GONE = "gone" * 70 + ".mp4"  # too long for the name of a file


def row(video, times, description="a red ball"):
    return {"video": video, "description": description, "times": times}


@pytest.fixture
def config(tmp_path, tiny_bert):
    rows = [
        row("first.mp4", [[0, 1], [0, 1], [1, 1], [5, 5]]),
        row(FLICKR, [[2, 2]]),
        row(GONE, [[0, 0]]),
        row("first.mp4", [[3, 5], [4, 4]]),
    ]
    (tmp_path / "test_data.json").write_text(json.dumps(rows))
    np.save(tmp_path / "first.npy", np.ones((15, 512), dtype=np.float16))
    np.save(tmp_path / f"{FLICKR}.npy", np.ones((30, 512), dtype=np.float16))
    return DatasetConfig(
        split="test",
        bert_name=str(tiny_bert),
        meta_processor="DiDeMoMetaProcessor",
        video_processor="VideoProcessor",
        text_processor="DiDeMoTextProcessor",
        aligner="DiDeMoAligner",
        test_path=str(tmp_path / "test_data.json"),
        vfeat_dir=str(tmp_path),
        max_video_len=32,
        max_len=48,
    )


def test_features_are_found_under_the_file_name_or_its_stem(config):
    assert [video for video, _ in DiDeMoMetaProcessor(config)] == ["first", FLICKR]


def test_sentences_without_features_or_about_what_comes_after_them_are_counted(config, tmp_path):
    # "first" has 15 seconds, chunks 0 to 2: a moment from chunk 3 on is behind the end by both annotators;
    # of the first sentence only one annotator says so.
    meta = DiDeMoMetaProcessor(config)
    assert meta.dropped == {
        f"without a feature file in {tmp_path}": [GONE],
        f"about a moment behind the end of the features in {tmp_path}": ["first"],
    }


def test_a_batch_holds_the_annotators_chunks_padded_to_the_most_annotators(config):
    dataset = build_dataset(TaskConfig(dataset=config), "test")
    batch = dataset.collater([dataset[0], dataset[1]])
    assert batch["times"].tolist() == [
        [[0, 1], [0, 1], [1, 1], [5, 5]],
        [[2, 2], [-1, -1], [-1, -1], [-1, -1]],
    ]
    assert batch["vmasks"].sum(1).tolist() == [15, 30]
    assert batch["caps"].shape == (2, 16)
    assert batch["video_id"] == ["first", FLICKR]


def test_only_the_test_split_exists(config):
    with pytest.raises(ConfigError, match=r"lists the test split only; dataset\.split is 'valid'"):
        DiDeMoMetaProcessor(config.replace(split="valid", val_path=config.test_path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", r"test_data\.json is no list of \{'video', 'description', 'times'\}, or is empty"),
        ("[]", r"or is empty"),
        ('[{"video": "v"}]', r"The entry 0 of .*test_data\.json is .*it needs 'video', 'description'"),
        (json.dumps([row("v", [[0, 6]])]), r"The times of entry 0 of .* are \[\[0, 6\]\]; .* last <= 5"),
        (json.dumps([row("v", [[2, 1]])]), r"The times of entry 0 of .* are \[\[2, 1\]\]"),
        (json.dumps([row("v", [[0.0, 1]])]), r"The times of entry 0 of .* are \[\[0\.0, 1\]\]"),
        (json.dumps([row("v", [])]), r"The times of entry 0 of .* are \[\]"),
        (json.dumps([row("v", [[0, 0]]), row("v", [[0, 0]], "")]), r"The text of entry 1 of .* is ''"),
        (json.dumps([row("", [[0, 0]])]), r"The text of 'video' in entry 0 of .* is ''"),
    ],
)
def test_a_malformed_entry_is_named_by_file_and_number(config, tmp_path, content, message):
    (tmp_path / "test_data.json").write_text(content)
    with pytest.raises(DataError, match=message):
        DiDeMoMetaProcessor(config)
