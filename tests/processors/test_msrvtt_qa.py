import numpy as np
import pytest
import torch

from mmpt.config import DatasetConfig, TaskConfig
from mmpt.datasets import build_dataset
from mmpt.errors import DataError
from mmpt.processors import MSRVTTQAMetaProcessor

HEADER = "vid_key\ta1\ta2\ta3\ta4\ta5\tanswer\n"
ROW = 'msr7\tcut the onion\t"a ""red"" ball"\tstir, fast\tpour oil\ta dog\t4\n'


@pytest.fixture
def config(tmp_path, tiny_bert):
    (tmp_path / "test.csv").write_text(HEADER + ROW + ROW.replace("msr7", "msr8"))
    np.save(tmp_path / "video7.npy", np.ones((3, 512), dtype=np.float16))
    return DatasetConfig(
        split="test",
        bert_name=str(tiny_bert),
        meta_processor="MSRVTTQAMetaProcessor",
        video_processor="VideoProcessor",
        text_processor="MSRVTTQATextProcessor",
        aligner="MSRVTTQAAligner",
        test_path=str(tmp_path / "test.csv"),
        vfeat_dir=str(tmp_path),
        max_video_len=8,
        max_len=24,
    )


def test_a_question_is_five_candidates_and_the_number_of_the_right_one(config, tmp_path):
    meta = MSRVTTQAMetaProcessor(config)
    candidates = ["cut the onion", 'a "red" ball', "stir, fast", "pour oil", "a dog"]
    assert list(meta) == [("video7", (candidates, 4))]
    assert meta.dropped == {f"without a feature file in {tmp_path}": ["video8"]}


def test_a_batch_holds_all_candidates_of_a_video(config):
    dataset = build_dataset(TaskConfig(dataset=config), "test")
    batch = dataset.collater([dataset[0], dataset[0]])
    assert batch["caps"].shape == (2, 5, 16)
    assert batch["vfeats"].shape == (2, 8, 512)
    assert batch["vmasks"].sum(1).tolist() == [3, 3]
    assert torch.equal(batch["answers"], torch.tensor([[4], [4]]))
    # [CLS] [SEP] words [SEP]: "cut the onion" has 3 words and takes 6 positions.
    assert batch["cmasks"][0, 0].sum() == 6


@pytest.mark.parametrize("answer", ["5", "-1", "a3", "1.0", ""])
def test_an_answer_that_is_no_candidate_is_named_by_line(config, tmp_path, answer):
    (tmp_path / "test.csv").write_text(HEADER + ROW + ROW.replace("\t4\n", f"\t{answer}\n"))
    with pytest.raises(
        DataError, match=rf"The answer in line 3 of .*test\.csv is '{answer}'; .* 0 \(a1\) to 4"
    ):
        MSRVTTQAMetaProcessor(config)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (HEADER + ROW.replace("pour oil", " "), r"The text of a4 in line 2 of .*test\.csv is ' '"),
        (HEADER + ROW.replace("msr7", ""), r"The text of vid_key in line 2 of .*test\.csv is ''"),
        (HEADER + "msr7\tcut\t1\n", r"Line 2 of .*test\.csv does not have 7 cells .* hold a tab"),
        (HEADER.replace("\t", ",") + ROW, r"lacks vid_key, a1, .*\. Its first line must be a header"),
    ],
)
def test_a_broken_table_is_refused_by_file_and_line(config, tmp_path, content, message):
    (tmp_path / "test.csv").write_text(content)
    with pytest.raises(DataError, match=message):
        MSRVTTQAMetaProcessor(config)
