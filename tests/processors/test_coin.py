import json
import logging

import numpy as np
import pytest
import torch

from mmpt.config import DatasetConfig, TaskConfig
from mmpt.datasets import build_dataset
from mmpt.errors import DataError
from mmpt.processors import COINActionSegmentationAligner, COINActionSegmentationMetaProcessor
from mmpt.processors.downstream.coin_files import read_labels


def entry(subset, *segments):
    """A video with (class, name, start, end) segments."""
    notes = [{"id": str(n), "label": name, "segment": [start, end]} for n, name, start, end in segments]
    return {"subset": subset, "annotation": notes}


DATABASE = {
    "train1": entry("training", (1, "cut it", 0, 2), (4, "stir it", 2.5, 3)),
    "test1": entry("testing", (2, "pour oil", 1, 4), (1, "cut it", 3, 5)),
    "late": entry("testing", (2, "pour oil", 9.5, 12), (2, "pour oil", 0, 1)),
    "idle": entry("testing"),
    "gone": entry("testing", (2, "pour oil", 0, 1)),
}


@pytest.fixture
def config(tmp_path, tiny_bert):
    path = tmp_path / "COIN.json"
    path.write_text(json.dumps({"database": DATABASE}))
    for video in ("train1", "test1", "late", "idle"):
        np.save(tmp_path / f"{video}.npy", np.ones((9, 512), dtype=np.float16))
    return DatasetConfig(
        split="test",
        bert_name=str(tiny_bert),
        meta_processor="COINActionSegmentationMetaProcessor",
        video_processor="VideoProcessor",
        text_processor="COINActionSegmentationTextProcessor",
        aligner="COINActionSegmentationAligner",
        train_path=str(path),
        val_path=str(path),
        test_path=str(path),
        vfeat_dir=str(tmp_path),
        max_video_len=8,
        max_len=24,
        sliding_window=4,
        sliding_window_size=6,
    )


@pytest.mark.parametrize(
    ("split", "videos"), [("train", ["train1"]), ("valid", ["test1", "late"]), ("test", ["test1", "late"])]
)
def test_a_split_is_a_subset_of_the_file(config, split, videos):
    assert [video for video, _ in COINActionSegmentationMetaProcessor(config.replace(split=split))] == videos


def test_what_is_left_out_or_has_no_effect_is_counted(config, tmp_path, caplog):
    # The features have 9 seconds: a segment that begins at 9.5 covers none of them.
    with caplog.at_level(logging.WARNING):
        dataset = build_dataset(TaskConfig(dataset=config), "test")
    uncovered = "annotated spans that cover no second of the video's features"
    assert dataset.meta_processor.dropped == {
        f"without a segment in {config.test_path}": ["idle"],
        f"without a feature file in {tmp_path}": ["gone"],
    }
    assert dataset.meta_processor.ignored == {uncovered: ["late 9.5-12.0"]}
    assert dataset.report["ignored"] == {uncovered: 1}
    assert f"have no effect: 1 {uncovered} (late 9.5-12.0)." in caplog.text


def test_classes_are_numbered_by_the_file_and_unused_ones_have_no_name(config):
    # Class 4 is shown in training only, class 3 nowhere.
    labels = ("O", "cut it", "pour oil", "", "stir it")
    assert read_labels(config.test_path) == labels
    assert COINActionSegmentationMetaProcessor(config).labels == labels
    assert COINActionSegmentationMetaProcessor.count_labels(config) == 5


def test_later_segments_overwrite_earlier_ones_in_windows_of_eight_positions(config):
    # Classes by second: O 2 2 1 1 O O O O; windows 0..6 and 4..9 stand in the model's 8 positions.
    dataset = build_dataset(TaskConfig(dataset=config), "test")
    example = dataset[0]
    assert example["video_targets"].tolist() == [0, 2, 2, 1, 1, 0, 0, 0, 0]
    assert example["targets"].tolist() == [
        [0, 2, 2, 1, 1, 0, -100, -100],
        [1, 0, 0, 0, 0, -100, -100, -100],
    ]
    assert torch.equal(example["vmasks"], example["targets"] != -100)
    batch = dataset.collater([example])
    assert batch["vfeats"].shape == (1, 2, 8, 512)
    assert (batch["video_len"].tolist(), batch["video_id"]) == ([9], ["test1"])


def test_videos_of_different_lengths_do_not_make_a_batch(config):
    example = build_dataset(TaskConfig(dataset=config), "test")
    shorter = {**example[1], "vfeats": example[1]["vfeats"][:1]}
    with pytest.raises(DataError, match=r"set fairseq\.dataset\.batch_size to 1"):
        example.collater([example[0], shorter])


def test_the_name_of_a_class_is_tokenised(config):
    assert len(build_dataset(TaskConfig(dataset=config), "test").text_processor("pour oil")) == 2


def test_columns_of_different_lengths_are_refused(config):
    segments = {"start": [0, 1], "end": [1], "label": [1, 1]}
    with pytest.raises(DataError, match=r"segments of video 'v' have 2 / 1 / 2 starts / ends / labels"):
        COINActionSegmentationAligner(config)("v", np.ones((4, 512)), segments)


NOTE = DATABASE["test1"]["annotation"][0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"subset": "validation"},
            r"The subset of video 'v' of .*COIN\.json is not one of training, testing",
        ),
        ({"annotation": None}, r"There is no list 'annotation' in video 'v'"),
        ({"annotation": [NOTE, {"id": "1"}]}, r"The segment 1 of video 'v' of .* needs 'id', 'label' and"),
        (
            {"annotation": [{**NOTE, "id": "0"}]},
            r"The id of segment 0 of video 'v' .* is '0'; a class from 1",
        ),
        ({"annotation": [{**NOTE, "id": None}]}, r"The id of segment 0 of video 'v' .* is None"),
        ({"annotation": [{**NOTE, "label": " "}]}, r"The text of segment 0 of video 'v' .* is ' '"),
        ({"annotation": [{**NOTE, "segment": [3]}]}, r"segment 0 of video 'v' .* has the times \[3\]"),
        ({"annotation": [{**NOTE, "segment": [3, "x"]}]}, r"The end of segment 0 of video 'v' .* is 'x'"),
        ({"annotation": [{**NOTE, "segment": [3, 2]}]}, r"segment 0 of video 'v' .* runs from 3\.0 to 2\.0"),
    ],
)
def test_a_malformed_segment_is_named_by_file_video_and_number(config, tmp_path, change, message):
    path = tmp_path / "COIN.json"
    path.write_text(json.dumps({"database": {"v": {**DATABASE["test1"], **change}}}))
    with pytest.raises(DataError, match=message):
        COINActionSegmentationMetaProcessor(config)


def test_another_file_is_refused(config, tmp_path):
    (tmp_path / "COIN.json").write_text("[]")
    with pytest.raises(
        DataError, match=r"COIN\.json has no 'database'; the annotations of COIN are expected"
    ):
        COINActionSegmentationMetaProcessor(config)
