"""MFMMLMAligner: clips of VariedLenAligner with frames, words or a whole modality masked."""

import numpy as np
import pytest
import torch

from mmpt.config import DatasetConfig
from mmpt.processors import FixedLenAligner, MFMMLMAligner, MMAttentionMask2DProcessor, VariedLenAligner
from mmpt.types import IGNORED
from mmpt.utils.tokenizer import load_tokenizer

CLIPS, SECONDS = 400, 40


@pytest.fixture
def config(tiny_bert):
    return DatasetConfig(
        bert_name=str(tiny_bert),
        max_video_len=8,
        max_len=24,
        subsampling=CLIPS,
        sampled_min_len=4,
        sampled_max_len=6,
        lazy_vfeat_mask=True,
        mm_prob=0.5,
    )


def aligned(config, seed=0, aligner=MFMMLMAligner):
    """Clips of a video whose features say their second, with 20 captions of 2 words."""
    start = np.arange(0, SECONDS, 2, dtype=np.float32)
    text = {"start": start, "end": start + 1.5, "cap": np.arange(20, 60, dtype=np.int32).reshape(20, 2)}
    video = np.arange(1, SECONDS + 1, dtype=np.float16)[:, None].repeat(2, axis=1)
    return aligner(config)("v7", video, text, rng=np.random.default_rng(seed))


def restored(example):
    """The text without masks."""
    return torch.where(example["text_label"] == IGNORED, example["caps"], example["text_label"])


def kinds(example):
    """Which clips have the whole text and which the whole video masked, and single positions in neither."""
    words = (example["text_label"] != IGNORED).sum(1)
    frames = example["video_label"].sum(1)
    text = (words == example["cmasks"].sum(1) - 3) & (frames == 0)
    video = (frames == example["vmasks"].sum(1)) & (words == 0)
    return text, video


def test_what_is_masked_is_a_clip_as_varied_length_draws_it(config):
    # The clips take the same random numbers first, so they are equal to those without masking.
    example, plain = aligned(config), aligned(config, aligner=VariedLenAligner)
    assert torch.equal(restored(example), plain["caps"])
    for key in plain.keys() - {"caps", "video_id"}:
        assert torch.equal(example[key], plain[key])
    assert example["video_id"] == plain["video_id"]
    assert {
        key: (tuple(example[key].shape), example[key].dtype) for key in ("video_label", "text_label")
    } == {
        "video_label": ((CLIPS, 8), torch.bool),
        "text_label": ((CLIPS, 16), torch.int64),
    }
    assert "attention_mask" not in example


def test_a_quarter_of_the_clips_hides_the_text_and_a_quarter_the_video(config):
    example = aligned(config.replace(mfm_probability=0.0, mlm_probability=0.0))
    text, video = kinds(example)
    assert not (text & video).any()
    # Of 400 clips 100 each, with a standard deviation of 9.
    assert text.sum().item() == pytest.approx(100, abs=35)
    assert video.sum().item() == pytest.approx(100, abs=35)
    rest = ~(text | video)
    assert not example["video_label"][rest].any()
    assert (example["text_label"][rest] == IGNORED).all()
    hidden = example["caps"][text] == load_tokenizer(config.bert_name).mask_token_id
    assert torch.equal(hidden, example["text_label"][text] != IGNORED)


def test_without_mm_prob_only_single_positions_are_masked(config):
    example = aligned(config.replace(mm_prob=None))
    frames = example["video_label"][example["vmasks"]].float().mean().item()
    words = (example["text_label"] != IGNORED).sum().item() / (example["cmasks"].sum().item() - 3 * CLIPS)
    # 2 000 seconds and 2 000 words: standard deviations of 0.008.
    assert frames == pytest.approx(0.15, abs=0.04)
    assert words == pytest.approx(0.15, abs=0.04)
    text, video = kinds(example)
    assert (text | video).float().mean() < 0.05


def test_masked_frames_are_zeros_unless_the_model_hides_them(config):
    lazy, now = aligned(config), aligned(config.replace(lazy_vfeat_mask=False))
    label = now["video_label"]
    assert torch.equal(label, lazy["video_label"])
    assert (now["vfeats"][label] == 0).all()
    assert (lazy["vfeats"][label] > 0).all()
    assert torch.equal(now["vfeats"][~label], lazy["vfeats"][~label])


def test_textgen_generates_the_text_under_a_mask_of_its_own(config):
    example = aligned(config.replace(mm_type="textgen", mfm_probability=0.0, mlm_probability=0.0))
    assert example["attention_mask"].shape == (CLIPS, 24, 24)
    plain = aligned(config.replace(mm_prob=0.0))
    plain_caps = restored(plain)
    generates = example["text_label"][:, 2] != IGNORED
    video = example["video_label"].any(1)
    assert 0 < generates.sum() < CLIPS
    assert 0 < video.sum() < CLIPS
    for clip in range(CLIPS):
        mask_type = "textgen" if generates[clip] else "videogen" if video[clip] else "full"
        expected = MMAttentionMask2DProcessor()(example["vmasks"][clip], example["cmasks"][clip], mask_type)
        assert torch.equal(example["attention_mask"][clip], expected)
        if generates[clip]:
            last = int(example["cmasks"][clip].sum())
            sentence = plain_caps[clip, 2:last]  # w1 ... wn [SEP]
            assert torch.equal(example["text_label"][clip, 2:last], sentence)
            assert torch.equal(example["caps"][clip, 3:last], sentence[:-1])
            assert example["caps"][clip, 2] == example["caps"][clip, 0]
            assert not example["video_label"][clip].any()
        else:
            assert torch.equal(example["caps"][clip], plain_caps[clip])


def test_without_text_lengths_a_clip_is_as_long_as_the_layout_takes(config):
    example = aligned(config.replace(sampled_min_len=None, sampled_max_len=None))
    # 24 - 8 - 3 = 13 words, as FixedLenAligner.
    assert (example["cmasks"].sum(1) == 16).all()
    fixed = FixedLenAligner(config)
    assert fixed.sampler == MFMMLMAligner(config.replace(sampled_min_len=None, sampled_max_len=None)).sampler


def test_the_generator_decides_everything(config):
    once, again, other = (aligned(config, seed) for seed in (1, 1, 2))
    assert all(torch.equal(once[key], again[key]) for key in once if key != "video_id")
    assert not torch.equal(once["video_label"], other["video_label"])
