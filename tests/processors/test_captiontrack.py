import numpy as np
import pytest

from mmpt.errors import ConfigError, DataError
from mmpt.processors.captiontrack import CaptionTrack, flatten


def text(**changes):
    return {"start": [0.0, 2.0, 5.0], "end": [1.5, 4.0, 7.0], "cap": [[3, 4], [5], [6, 7, 8]], **changes}


def test_lists_and_a_padded_array_give_the_same_tokens():
    padded = np.array([[3, 4, -1], [5, -1, -1], [6, 7, 8]], dtype=np.int32)
    for captions in (text()["cap"], padded):
        tokens, offsets = flatten(captions)
        assert tokens.tolist() == [3, 4, 5, 6, 7, 8]
        assert offsets.tolist() == [0, 2, 3, 6]


def test_captions_beyond_the_video_and_without_words_are_left_out():
    # 5 seconds of video: the third caption starts at its end; the second has no word.
    track = CaptionTrack.of(text(cap=[[3, 4], [], [6]]), "v").within(5, "v")
    assert track.start.tolist() == [0.0]
    assert track.tokens.tolist() == [3, 4]
    assert track.offsets.tolist() == [0, 2]


def test_a_track_that_fits_is_kept_as_it_is():
    track = CaptionTrack.of(text(), "v")
    assert track.within(6, "v") is track


def test_a_caption_that_ends_before_it_starts_ends_where_it_starts():
    assert CaptionTrack.of(text(end=[1.5, 1.0, 7.0]), "v").end.tolist() == [1.5, 2.0, 7.0]


def test_a_video_without_a_usable_caption_is_named():
    with pytest.raises(
        DataError, match=r"None of the 3 captions of video 'v9' .* within its 0 seconds.*list"
    ):
        CaptionTrack.of(text(), "v9").within(0, "v9")


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("key", ["start", "end"])
def test_a_time_that_is_no_number_is_refused_by_caption_and_video(key, bad):
    with pytest.raises(DataError, match=r"Caption 1 of video 'v9' runs from .* both must be numbers"):
        CaptionTrack.of(text(**{key: [0.0, bad, 9.0]}), "v9")


def test_lists_of_different_length_are_refused():
    with pytest.raises(DataError, match=r"video 'v9' have 3 starts, 3 ends and 2 texts"):
        CaptionTrack.of(text(cap=[[1], [2]]), "v9")


def test_a_sentence_in_place_of_captions_names_the_classes_that_go_together():
    with pytest.raises(
        ConfigError, match=r"gives a list for video 'v'\. Choose ShardedTextProcessor or .* DSAligner"
    ):
        CaptionTrack.of([1, 2], "v")
