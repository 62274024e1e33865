"""What the doctor says is next: the rest of the way only, and no source for what is one's own."""

import shutil

import pytest

from mmpt.catalog import VIDEO_PROCESSORS
from mmpt.config import DatasetConfig
from mmpt.doctor.annotations import inspect_files
from mmpt.doctor.features import inspect_features
from mmpt.doctor.shards import inspect_shards

CLEAN = "mmpt shards captions --how2dir how2 && "
TOKENISE = "mmpt shards tokenise scripts/text_token_extractor/configs/bert-base-uncased.yaml"


@pytest.mark.parametrize(
    ("there", "todo"),
    [
        ((), f"put the raw captions at how2/raw_caption.json, then: {CLEAN}{TOKENISE}"),
        (("raw_caption.json",), CLEAN + TOKENISE),
        (("raw_caption.json", "raw_caption_dedup.pkl"), TOKENISE),
        (("raw_caption_dedup.jsonl",), TOKENISE),
    ],
)
def test_without_token_shards_the_rest_of_the_way_to_them_is_said(golden, tmp_path, monkeypatch, there, todo):
    shutil.copytree(golden / "legacy" / "data", tmp_path / "shards")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "how2").mkdir()
    for name in there:
        (tmp_path / "how2" / name).touch()
    dataset = DatasetConfig(
        meta_processor="ShardedHow2MetaProcessor",
        train_path="how2/train.lst",
        vfeat_dir="shards",
        tfeat_dir="shards/raw_caption_dedup.bert-base-uncased.",
    )
    findings = list(inspect_shards(dataset, ["train"], has_tokenizer=False))
    [captions] = [finding for finding in findings if finding.what == "token shards of train"]
    assert (captions.status, captions.todo) == ("missing", todo)


def test_ones_own_table_and_features_come_from_nowhere_else(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    dataset = DatasetConfig(
        meta_processor="FolderMetaProcessor", train_path="data/mine/train.csv", vfeat_dir="data/mine/feat"
    )
    [table] = inspect_files(dataset, ["train"])
    assert (table.source, table.message) == (None, "is not there")
    assert table.todo == (
        "write data/mine/train.csv, a table video_id,text[,start,end] (DATASET.md, Your own features)"
    )
    [features] = inspect_features(dataset)
    assert features.source is None
    assert features.todo.startswith("mmpt extract ")


def test_features_are_not_asked_for_where_a_class_of_ones_own_reads_something_else(monkeypatch):
    monkeypatch.setitem(VIDEO_PROCESSORS._classes, "Frames", object)
    assert list(inspect_features(DatasetConfig(video_processor="Frames"))) == []
    assert len(list(inspect_features(DatasetConfig(video_processor="VideoProcessor")))) == 1
