import numpy as np
import pytest

from mmpt.config import DatasetConfig, TaskConfig
from mmpt.datasets import build_dataset
from mmpt.errors import DataError
from mmpt.processors import FolderMetaProcessor


@pytest.fixture
def config(tmp_path, tiny_bert):
    (tmp_path / "test.csv").write_text(
        'video_id,text,start,end\nv1,"cut the onion, fast",1,3.5\nv1,stir it,,\n'
    )
    np.save(tmp_path / "v1.npy", np.arange(6, dtype=np.float32)[:, None].repeat(2, axis=1))
    return DatasetConfig(
        split="test",
        bert_name=str(tiny_bert),
        meta_processor="FolderMetaProcessor",
        video_processor="VideoProcessor",
        text_processor="TextProcessor",
        aligner="DSAligner",
        test_path=str(tmp_path / "test.csv"),
        vfeat_dir=str(tmp_path),
        max_video_len=4,
        max_len=12,
    )


def test_a_table_and_a_folder_make_a_data_set(config):
    dataset = build_dataset(TaskConfig(dataset=config), "test")
    part, whole = dataset[0], dataset[1]
    assert part["video_id"] == whole["video_id"] == "v1"
    assert part["vfeats"][:, 0].tolist() == [1, 2, 3, 0]
    assert whole["vfeats"][:, 0].tolist() == [0, 1, 2, 3]
    assert dataset.collater([part, whole])["video_id"] == ["v1", "v1"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("v1,,,", r"The text of video 'v1' \(line 2 of .*test\.csv\) is ''"),
        ("v1,cut,nan,3", r"The start of video 'v1' \(line 2 of .*test\.csv\) is 'nan'"),
        ("v1,cut,1,", r"The end of video 'v1' \(line 2 of .*test\.csv\) is ''"),
        ("v1,cut,3,1", r"The span of video 'v1' .* is 3\.0 to 1\.0; 0 <= start < end"),
        (",cut,,", r"The video_id of .*line 2.* is empty"),
    ],
)
def test_a_row_that_cannot_be_used_is_refused_by_file_and_line(config, tmp_path, row, message):
    (tmp_path / "test.csv").write_text(f"video_id,text,start,end\n{row}\n")
    with pytest.raises(DataError, match=message):
        FolderMetaProcessor(config)


def test_a_folder_that_does_not_exist_is_named(config):
    with pytest.raises(DataError, match=r"vfeat_dir 'nowhere' is no folder"):
        FolderMetaProcessor(config.replace(vfeat_dir="nowhere"))
