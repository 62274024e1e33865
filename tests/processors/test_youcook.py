import json
import os
import pickle

import numpy as np
import pytest

from mmpt.config import DatasetConfig
from mmpt.errors import DataError
from mmpt.processors import YoucookMetaProcessor, YoucookNLGMetaProcessor, YoucookVideoProcessor


@pytest.fixture
def config(tmp_path):
    clips = [
        {"id": "a_b_0", "caption": "peel"},
        {"id": "a_b_1", "caption": "cut"},
        {"id": "gone_0", "caption": "fry"},
    ]
    (tmp_path / "val.pkl").write_bytes(pickle.dumps(clips))
    segments = {
        "a_b": [([2, 5], "peel the onion"), ([5, 9], "cut the onion")],
        "gone": [([0, 1], "fry")],
        "cold": [],
    }
    database = {
        video: {"annotations": [{"segment": span, "sentence": text} for span, text in steps]}
        for video, steps in segments.items()
    }
    (tmp_path / "annotations.json").write_text(json.dumps({"database": database}))
    np.save(tmp_path / "a_b.npy", np.arange(20, dtype=np.float16).reshape(10, 2))
    return DatasetConfig(
        split="valid",
        val_path=str(tmp_path / "val.pkl"),
        trainval_annotation=str(tmp_path / "annotations.json"),
        vfeat_dir=str(tmp_path),
    )


def test_a_clip_is_a_span_of_its_video_with_its_caption(config, tmp_path):
    # The clip number follows the last underscore: "a_b_1" is clip 1 of video "a_b".
    meta = YoucookMetaProcessor(config)
    assert list(meta) == [(("a_b", 2.0, 5.0), "peel"), (("a_b", 5.0, 9.0), "cut")]
    assert meta.dropped == {f"without a feature file in {tmp_path}": ["gone"]}


def test_the_sentence_can_come_from_the_annotations(config):
    meta = YoucookMetaProcessor(config.replace(use_annotation_text=True))
    assert [text for _, text in meta] == ["peel the onion", "cut the onion"]


def test_only_the_seconds_of_the_clip_are_read(config):
    video, _ = YoucookMetaProcessor(config)[1]
    assert YoucookVideoProcessor(config)(video)[:, 0].tolist() == [10, 12, 14, 16]


@pytest.mark.parametrize(
    ("clip", "message"),
    [
        ({"id": "a_b_7", "caption": "x"}, r"There is no clip 'a_b_7' of .*annotations\.json"),
        ({"id": "new_0", "caption": "x"}, r"There is no clip 'new_0' of .*annotations\.json"),
        ({"id": "a_b_0"}, r"no clip 'a_b_0' of .* or no text for it .*asked for by .*val\.pkl"),
        ({"id": "a_b_0", "caption": float("nan")}, r"The text of clip 'a_b_0' of .*val\.pkl is nan"),
        ({"id": "ab", "caption": "x"}, r"The id 'ab' in .*val\.pkl is not of the form <video>_<clip number>"),
        ("a_b_0", r"val\.pkl is no list of \{'id': '<video>_<clip>'"),
    ],
)
def test_a_clip_that_does_not_fit_is_named(config, tmp_path, clip, message):
    (tmp_path / "val.pkl").write_bytes(pickle.dumps([clip]))
    with pytest.raises(DataError, match=message):
        YoucookMetaProcessor(config)


def test_a_segment_that_is_nan_is_refused(config, tmp_path):
    text = (tmp_path / "annotations.json").read_text().replace("[5, 9]", "[5, NaN]")
    (tmp_path / "annotations.json").write_text(text)
    with pytest.raises(DataError, match=r"The end of clip 'a_b_1' of .*annotations\.json is nan"):
        YoucookMetaProcessor(config)


def test_a_hostile_pickle_runs_nothing(config, tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    (tmp_path / "val.pkl").write_bytes(pickle.dumps([Bomb()]))
    with pytest.raises(DataError, match=r"val\.pkl asks for .*mkdir"):
        YoucookMetaProcessor(config)
    assert not (tmp_path / "ran").exists()


@pytest.fixture
def captioning(config, tmp_path):
    (tmp_path / "val_list.txt").write_text("101/a_b\n226/unknown\n101/gone\n226/cold\n")
    return config.replace(val_path=str(tmp_path / "val_list.txt"))


def test_captioning_takes_every_annotated_clip_of_the_listed_videos(captioning, tmp_path):
    meta = YoucookNLGMetaProcessor(captioning)
    assert list(meta) == [(("a_b", 2.0, 5.0), "peel the onion"), (("a_b", 5.0, 9.0), "cut the onion")]
    assert meta.dropped == {
        f"videos without an annotated clip in {tmp_path / 'annotations.json'}": ["unknown", "cold"],
        f"without a feature file in {tmp_path}": ["gone"],
    }


@pytest.mark.parametrize("kind", [YoucookMetaProcessor, YoucookNLGMetaProcessor])
def test_clips_after_the_last_feature_are_left_out_and_recorded(config, captioning, tmp_path, kind):
    # Five seconds of features: the clip from 5 to 9 has none of them.
    np.save(tmp_path / "a_b.npy", np.zeros((5, 2), dtype=np.float16))
    meta = kind(config if kind is YoucookMetaProcessor else captioning)
    assert [clip for clip, _ in meta] == [("a_b", 2.0, 5.0)]
    assert meta.dropped[f"beginning after the end of the features in {tmp_path}"] == ["a_b"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"annotations": None}, r"The video 'a_b' of .*annotations\.json has no list 'annotations'"),
        ({"annotations": [{"segment": [0, 1]}]}, r"no sentence, in clip 'a_b_0' of .*annotations\.json"),
        (
            {"annotations": [{"segment": [1], "sentence": "cut"}]},
            r"The segment of clip 'a_b_0' of .* is \[1\]",
        ),
        ({"annotations": [{"segment": [2, 1], "sentence": "cut"}]}, r"clip 'a_b_0' of .* is 2\.0 to 1\.0"),
        ({"annotations": [{"segment": [0, 1], "sentence": ""}]}, r"The text of clip 'a_b_0' of .* is ''"),
    ],
)
def test_a_malformed_annotation_is_named_by_clip(captioning, tmp_path, change, message):
    (tmp_path / "annotations.json").write_text(json.dumps({"database": {"a_b": change}}))
    with pytest.raises(DataError, match=message):
        YoucookNLGMetaProcessor(captioning)
