"""The aligner of end tasks gives the very inputs that the original gives, from its own shards too."""

import pytest
import torch
from safetensors.torch import load_file

from mmpt.config import DatasetConfig
from mmpt.datasets import build_dataset
from mmpt.processors import DSAligner

KEYS = ("caps", "cmasks", "vfeats", "vmasks")


@pytest.mark.parametrize("length", ["long", "short"])
def test_ds_aligner_equals_the_original(golden, tiny_bert, length):
    # 8 seconds of video and 24 - 8 = 16 text positions; "long" is 25 seconds and 30 words, "short" 5 and 4.
    inputs = load_file(golden / "aligners" / "inputs.safetensors")
    expected = load_file(golden / "aligners" / "outputs.safetensors")
    config = DatasetConfig(bert_name=str(tiny_bert), max_video_len=8, max_len=24, split="test")
    example = DSAligner(config)("v", inputs[f"video_{length}"].numpy(), inputs[f"text_{length}"].tolist())
    for key in KEYS:
        assert example[key].dtype == expected[f"ds.{length}.{key}"].dtype
        assert torch.equal(example[key], expected[f"ds.{length}.{key}"])


@pytest.mark.parametrize("read_mode", ["mmap", "pread"])
def test_shards_of_the_original_give_the_inputs_of_the_original(golden, legacy_config, read_mode):
    # expected: for each validation video DSAligner's input from its first caption.
    expected = load_file(golden / "legacy" / "expected.safetensors")
    config = legacy_config.replace(dataset=legacy_config.dataset.replace(read_mode=read_mode))
    dataset = build_dataset(config, "valid")
    aligner = DSAligner(config.dataset)
    assert len(dataset) == len(expected["caps"]) == 2
    for item in range(2):
        video, text = dataset.meta_processor[item]
        first_caption = dataset.text_processor(text)["cap"][0]
        example = aligner(video, dataset.video_processor(video), first_caption[first_caption >= 0])
        for key in KEYS:
            assert torch.equal(example[key], expected[key][item])
        assert example["video_id"] == f"v000{12 + item}"
