import numpy as np
import pytest
import torch

from mmpt.config import DatasetConfig
from mmpt.errors import ConfigError, DataError
from mmpt.processors import DSAligner, FixedLenAligner, OverlappedAligner, StartClipAligner, VariedLenAligner

SECONDS = 40


@pytest.fixture
def config(tiny_bert):
    return DatasetConfig(
        bert_name=str(tiny_bert),
        max_video_len=8,
        max_len=24,
        subsampling=16,
        sampled_min_len=4,
        sampled_max_len=6,
        sampled_video_min_len=3,
        sampled_video_max_len=5,
    )


@pytest.fixture
def video():
    """Features that say their own second."""
    return np.arange(SECONDS, dtype=np.float16)[:, None].repeat(2, axis=1)


@pytest.fixture
def text():
    """20 captions of 2 words, caption i from second 2 i to 2 i + 1.5, its words 20 + 2 i and 21 + 2 i."""
    start = np.arange(0, SECONDS, 2, dtype=np.float32)
    return {"start": start, "end": start + 1.5, "cap": np.arange(20, 60, dtype=np.int32).reshape(20, 2)}


def rng(seed=0):
    return np.random.default_rng(seed)


def words_of(example, clip):
    return example["caps"][clip][example["cmasks"][clip]][2:-1]


def seconds_shown(example, clip):
    return example["vfeats"][clip][example["vmasks"][clip]][:, 0].tolist()


@pytest.mark.parametrize("aligner", [FixedLenAligner, VariedLenAligner, StartClipAligner, OverlappedAligner])
def test_every_clip_is_what_it_says_it_is(aligner, config, video, text):
    example = aligner(config)("v7", video, text, rng=rng())
    assert example["video_id"] == ["v7"] * 16
    assert {
        key: (tuple(value.shape), value.dtype) for key, value in example.items() if key != "video_id"
    } == {
        "caps": ((16, 16), torch.int64),
        "cmasks": ((16, 16), torch.bool),
        "vfeats": ((16, 8, 2), torch.float32),
        "vmasks": ((16, 8), torch.bool),
        "video_start": ((16,), torch.int64),
        "video_end": ((16,), torch.int64),
        "text_start": ((16,), torch.float32),
        "text_end": ((16,), torch.float32),
    }
    for clip in range(16):
        begin, end = int(example["video_start"][clip]), int(example["video_end"][clip])
        assert seconds_shown(example, clip) == list(range(begin, end))
        words = words_of(example, clip)
        # Word 20 + 2 i is the first of caption i, which starts at second 2 i.
        assert example["text_start"][clip] == words[0] - 20
        assert words.tolist() == list(range(words[0], words[0] + len(words)))


def test_fixed_length_takes_what_the_layout_holds(config, video, text):
    # 24 - 8 - 3 = 13 words: 7 captions of 2 words are gathered and cut to 13, and their 14 seconds to 8.
    example = FixedLenAligner(config)("v", video, text, rng=rng())
    assert all(len(words_of(example, clip)) == 13 for clip in range(16))
    assert (example["text_end"] - example["text_start"] == 13.5).all()
    assert (example["video_end"] - example["video_start"] == 8).all()


def test_varied_length_draws_the_limit_and_shows_the_seconds_of_its_captions(config, video, text):
    # Limits 4, 5, 6 are reached with 2, 3 and 3 captions of 2 words.
    example = VariedLenAligner(config)("v", video, text, rng=rng())
    assert {len(words_of(example, clip)) for clip in range(16)} == {4, 6}
    assert torch.equal(example["video_start"], example["text_start"].floor().long())
    assert torch.equal(example["video_end"], example["text_end"].ceil().long())


def test_start_clips_start_at_the_first_caption(config, video, text):
    example = StartClipAligner(config)("v", video, text, rng=rng())
    assert (example["text_start"] == 0).all()
    assert (example["video_start"] == 0).all()


def test_overlapped_clips_have_their_own_length(config, video, text):
    example = OverlappedAligner(config.replace(subsampling=200))("v", video, text, rng=rng())
    length = example["video_end"] - example["video_start"]
    assert set(length.tolist()) == {3, 4, 5}
    assert (example["video_start"] <= example["text_end"].ceil()).all()
    assert (example["video_end"] > example["text_start"].floor()).all()


def test_the_generator_decides_everything_and_inputs_stay_as_they_are(config, video, text):
    video.setflags(write=False)
    for array in text.values():
        array.setflags(write=False)
    aligner = OverlappedAligner(config)
    once, again, other = (aligner("v", video, text, rng=rng(seed)) for seed in (1, 1, 2))
    assert all(torch.equal(once[key], again[key]) for key in once if key != "video_id")
    assert not torch.equal(once["caps"], other["caps"])


def test_captions_beyond_the_video_are_not_drawn(config, video, text):
    # 11 of 40 seconds: captions 0 to 5 start within, the last of them at 10 and ends, clipped, at 11.
    example = VariedLenAligner(config)("v", video[:11], text, rng=rng())
    assert (example["text_start"] <= 10).all()
    assert (example["video_end"] <= 11).all()


def test_clip_per_video_goes_before_subsampling(config, video, text):
    assert len(FixedLenAligner(config.replace(clip_per_video=3))("v", video, text, rng=rng())["caps"]) == 3


def test_a_video_without_usable_captions_or_seconds_is_refused(config, video, text):
    aligner = OverlappedAligner(config)
    late = {**text, "start": text["start"] + 99, "end": text["end"] + 99}
    with pytest.raises(DataError, match=r"None of the 20 captions of video 'v9' .* within its 40 seconds"):
        aligner(("v9", 0, 0, 0), video, late, rng=rng())
    with pytest.raises(DataError, match=r"video 'v9' have shape \(0, 2\)"):
        aligner("v9", video[:0], text, rng=rng())


def test_a_missing_length_is_named_with_the_class_that_needs_it(config):
    with pytest.raises(ConfigError, match=r"OverlappedAligner needs dataset\.sampled_video_min_len"):
        OverlappedAligner(config.replace(sampled_video_min_len=None))
    with pytest.raises(
        ConfigError, match=r"VariedLenAligner needs dataset\.sampled_min_len .* given: 4 and None"
    ):
        VariedLenAligner(config.replace(sampled_max_len=None))


def test_captions_for_the_aligner_of_single_sentences_are_refused(config, video, text):
    with pytest.raises(ConfigError, match=r"DSAligner takes one sentence, .* for video 'v'\. Choose another"):
        DSAligner(config)("v", video, text)
