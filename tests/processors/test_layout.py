import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.naive_loader import build_text_seq, build_video_seq
from mmpt.errors import ConfigError
from mmpt.processors.layout import SequenceLayout

CLS, SEP, PAD = 101, 102, 0


def layout(max_video_len=4, max_len=12):
    return SequenceLayout(max_video_len, max_len, CLS, SEP, PAD)


def test_a_short_text_is_padded():
    # L = 12 - 4 = 8 positions: [CLS] [SEP] 7 8 [SEP] and 3 [PAD].
    caps, cmasks = layout().text_clips(np.array([7, 8]), np.array([0]), np.array([2]))
    assert caps.tolist() == [[CLS, SEP, 7, 8, SEP, PAD, PAD, PAD]]
    assert cmasks.tolist() == [[True] * 5 + [False] * 3]


def test_a_long_text_is_cut_and_keeps_its_last_separator():
    # 8 - 3 special tokens leave room for 5 words.
    caps, cmasks = layout().text_clips(np.arange(10, 20), np.array([2]), np.array([10]))
    assert caps.tolist() == [[CLS, SEP, 12, 13, 14, 15, 16, SEP]]
    assert cmasks.all()


def test_a_long_video_is_cut_and_a_short_one_padded():
    feature = np.arange(6, dtype=np.float16)[:, None].repeat(3, axis=1)
    vfeats, vmasks = layout().video_clips([feature], np.array([0, 4]), np.array([6, 6]))
    assert vfeats[:, :, 0].tolist() == [[0, 1, 2, 3], [4, 5, 0, 0]]
    assert vmasks.tolist() == [[True] * 4, [True, True, False, False]]
    assert vfeats.dtype == torch.float32


def test_a_layout_without_room_for_a_word_is_refused():
    with pytest.raises(ConfigError, match=r"max_len 35 leaves 0 words .* Raise max_len to 36 or more"):
        SequenceLayout(32, 35, CLS, SEP, PAD)


@given(
    st.integers(1, 9),
    st.integers(1, 12),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1),
)
def test_the_fast_layout_equals_the_naive_one_and_changes_no_input(seconds, words, spans):
    shape = SequenceLayout(seconds, seconds + words + 3, CLS, SEP, PAD)
    tokens = np.arange(200, 240)
    feature = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float16)
    before = tokens.copy(), feature.copy()
    begin, end = np.array([sorted(span) for span in spans]).T
    caps, cmasks = shape.text_clips(tokens, begin, end)
    vfeats, vmasks = shape.video_clips([feature], begin, end)
    for clip, (first, last) in enumerate(zip(begin, end, strict=True)):
        naive = build_text_seq([tokens[first:last].tolist()], words + 3, CLS, SEP, PAD)
        assert torch.equal(caps[clip], naive[0])
        assert torch.equal(cmasks[clip], naive[1])
        naive = build_video_seq(feature, first, last, seconds)
        assert torch.equal(vfeats[clip], naive[0])
        assert torch.equal(vmasks[clip], naive[1])
    assert np.array_equal(before[0], tokens)
    assert np.array_equal(before[1], feature)


def test_clips_of_several_videos_come_video_after_video():
    first, second = np.full((3, 2), 1, np.float16), np.full((5, 2), 2, np.float32)
    vfeats, _ = layout().video_clips([first, second], np.array([0, 1, 0, 4]), np.array([2, 3, 4, 5]))
    assert vfeats[:, 0, 0].tolist() == [1, 1, 2, 2]
