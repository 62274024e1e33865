"""2-D attention masks are the recorded ones, and what the sentences of their definition say."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from mmpt.errors import ConfigError
from mmpt.processors import MMAttentionMask2DProcessor

TYPES = ["full", "textgen", "videogen"]


def test_masks_equal_the_recorded_ones(golden):
    recorded = load_file(golden / "aligners" / "outputs.safetensors")
    names = [name for name in recorded if name.startswith("mask2d.")]
    assert {name.split(".")[2] for name in names} == set(TYPES)
    for name in names:
        _, length, mask_type = name.split(".")
        vmasks, cmasks = recorded[f"ds.{length}.vmasks"], recorded[f"ds.{length}.cmasks"]
        assert torch.equal(MMAttentionMask2DProcessor()(vmasks, cmasks, mask_type), recorded[name])


def by_definition(seconds, video, tokens, text, mask_type):
    """Position by position: ``video`` of ``seconds`` and ``text`` of ``tokens`` are real."""
    kinds = ["cls"] + ["video"] * seconds + ["sep"] + ["text"] * (tokens - 2)
    index = [0, *range(seconds), 0, *range(tokens - 2)]
    real = [True] + [i < video for i in range(seconds)] + [True] + [i + 2 < text for i in range(tokens - 2)]

    def sees(row, column):
        if not real[column]:
            return False
        from_kind, to_kind = kinds[row], kinds[column]
        up_to_itself = from_kind == to_kind and real[row] and index[column] <= index[row]
        if mask_type == "textgen":
            return to_kind != "text" or up_to_itself
        if mask_type == "videogen" and from_kind != "sep":
            return to_kind in ("cls", "text") or (to_kind == "video" and up_to_itself)
        return True

    size = range(seconds + tokens)
    return torch.tensor([[sees(row, column) for column in size] for row in size])


@given(st.data())
def test_masks_of_many_clips_are_those_of_the_definition(data):
    seconds, tokens = data.draw(st.integers(1, 5)), data.draw(st.integers(3, 7))
    lengths = data.draw(
        st.lists(st.tuples(st.integers(1, seconds), st.integers(3, tokens)), min_size=1, max_size=3)
    )
    vmasks = torch.stack([torch.arange(seconds) < video for video, _ in lengths])
    cmasks = torch.stack([torch.arange(tokens) < text for _, text in lengths])
    for mask_type in TYPES:
        masks = MMAttentionMask2DProcessor()(vmasks, cmasks, mask_type)
        for mask, (video, text) in zip(masks, lengths, strict=True):
            assert torch.equal(mask, by_definition(seconds, video, tokens, text, mask_type))


def test_an_unknown_kind_is_told_the_nearest():
    with pytest.raises(ConfigError, match="Unknown mask_type 'textgn'; did you mean 'textgen'"):
        MMAttentionMask2DProcessor()(
            torch.ones(2, dtype=torch.bool), torch.ones(4, dtype=torch.bool), "textgn"
        )
