"""The world as files: real videos and the formats of six data sets, readable by their processors."""

import csv
import json

import numpy as np
import pytest

from mmpt.config import DatasetConfig
from mmpt.demo.scene import scene_of
from mmpt.demo.videofile import RenderJob, write_video
from mmpt.demo.vocabulary import is_held_out
from mmpt.demo.world import DATASETS, WorldPlan, write_world
from mmpt.errors import ConfigError, DataError
from mmpt.store.caption_files import read_captions
from mmpt.store.decode import decode_frames

pytest.importorskip("av")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A small world of all data sets, its videos not rendered but for a few."""
    folder = tmp_path_factory.mktemp("world")
    plan = WorldPlan(num_videos=3, num_val=1, num_test=4, num_other=1, seed=1, datasets=DATASETS)
    jobs = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mmpt.demo.world.write_videos", lambda found, _workers: jobs.extend(found))
        summary = write_world(folder, plan)
    for job in jobs:  # feature files, which several processors look for
        feature = folder / "feat" / f"{job.path.stem}.npy"
        feature.parent.mkdir(exist_ok=True)
        np.save(feature, np.ones((int(job.scene.duration), 4), np.float16))
    return folder, summary, jobs


def dataset_config(folder, **keys):
    return DatasetConfig(vfeat_dir=str(folder / "feat"), bert_name="unused", **keys)


def test_every_data_set_gets_its_videos_and_no_video_is_in_two(world):
    _, summary, jobs = world
    assert set(summary.videos) == set(DATASETS)
    assert len({job.path for job in jobs}) == len(jobs) == sum(summary.videos.values())
    own = [job.scene.video_id for job in jobs if "msrvtt" not in job.path.parts]
    assert len(set(own)) == len(own)


def test_how2_lists_and_captions_agree_and_splits_are_disjoint(world):
    folder, _, _ = world
    train = (folder / "how2" / "how2_s3d_train.lst").read_text().split()
    val = (folder / "how2" / "how2_s3d_val.lst").read_text().split()
    assert (len(train), len(val), len({*train, *val})) == (3, 1, 4)
    captions = dict(read_captions(folder / "how2" / "raw_caption.json"))
    assert list(captions) == train + val
    for columns in captions.values():
        assert len(columns["start"]) == len(columns["end"]) == len(columns["text"]) > 3


def test_youcooks_processor_reads_the_held_out_clips_with_distinct_sentences(world):
    from mmpt.processors.downstream.youcook import YoucookMetaProcessor

    folder, summary, _ = world
    meta = YoucookMetaProcessor(
        dataset_config(
            folder,
            split="test",
            test_path=str(folder / "youcook" / "youcook_val.pkl"),
            trainval_annotation=str(folder / "youcook" / "youcookii_annotations_trainval.json"),
            use_annotation_text=True,
        )
    )
    pairs = [meta[k] for k in range(len(meta))]
    assert len(pairs) == summary.clips >= 15
    assert len({text for _, text in pairs}) == len(pairs)
    for (_, start, end), _ in pairs:
        assert 2 <= end - start <= 7


def test_the_held_out_videos_act_held_out_combinations(world):
    folder, _, _ = world
    truth = json.loads((folder / "world.json").read_text())["truth"]["youcook"]
    for name, video in truth.items():
        for step in video["steps"]:
            expected = name.startswith("test")
            assert is_held_out(step["colour"], step["shape"], step["action"]) == expected


def test_msrvtts_processor_reads_train_and_test(world):
    from mmpt.processors.downstream.msrvtt import MSRVTTMetaProcessor, read_sentences

    folder, _, _ = world
    place = folder / "msrvtt"
    test = MSRVTTMetaProcessor(
        dataset_config(folder, split="test", test_path=str(place / "MSRVTT_JSFUSION_test.csv"))
    )
    train = MSRVTTMetaProcessor(
        dataset_config(folder, split="train", train_path=str(place / "MSRVTT_train.csv"))
    )
    sentences = read_sentences(str(place / "MSRVTT_data.json"))
    assert all(len(sentences[video]) == 20 for video, _ in [*train.data, *test.data])
    assert not {video for video, _ in train.data} & {video for video, _ in test.data}


def test_the_multiple_choice_answer_is_the_clips_own_sentence(world):
    folder, _, _ = world
    with open(folder / "msrvtt" / "MSRVTT_JSFUSION_test.csv", newline="") as stream:
        own = {row["vid_key"]: row["sentence"] for row in csv.DictReader(stream)}
    with open(folder / "msrvtt-qa" / "MSR_MC_test.csv", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    assert rows
    for row in rows:
        assert row[f"a{int(row['answer']) + 1}"] == own[row["vid_key"]]


def test_coin_labels_are_one_number_per_name_within_779(world):
    folder, _, _ = world
    database = json.loads((folder / "coin" / "COIN.json").read_text())["database"]
    assert {video["subset"] for video in database.values()} == {"training", "testing"}
    notes = [note for video in database.values() for note in video["annotation"]]
    assert len({(n["id"], n["label"]) for n in notes}) == len({n["id"] for n in notes})
    assert all(0 < int(n["id"]) < 779 and 0 <= n["segment"][0] < n["segment"][1] for n in notes)


def test_crosstask_videos_tasks_and_annotations_refer_to_each_other(world):
    folder, _, _ = world
    release = folder / "crosstask" / "crosstask_release"
    lines = (release / "tasks_primary.txt").read_text().split("\n")
    steps = {lines[k]: lines[k + 4].split(",") for k in range(0, len(lines) - 1, 6)}
    assert all(int(lines[k + 3]) == len(lines[k + 4].split(",")) for k in range(0, len(lines) - 1, 6))
    videos = list(csv.reader((release / "videos.csv").open(newline="")))
    assert {task for task, _, _ in videos} >= set(steps)
    for task, video, _ in videos:
        for step, start, end in csv.reader(
            (release / "annotations" / f"{task}_{video}.csv").open(newline="")
        ):
            assert 0 <= float(start) < float(end)
            assert task not in steps or 1 <= int(step) <= len(steps[task])


def test_didemo_moments_lie_in_six_chunks(world):
    folder, _, _ = world
    rows = json.loads((folder / "didemo" / "test_data.json").read_text())
    assert rows
    assert all(0 <= a <= b < 6 for row in rows for a, b in row["times"])
    assert {len(row["times"]) for row in rows} == {4}


def test_a_video_file_decodes_to_what_was_drawn(tmp_path):
    scene = scene_of(1, 0)
    path = write_video(RenderJob(tmp_path / "v.mp4", scene, 2.0, 4.0))
    frames = list(decode_frames(path, fps=10, size=64))
    assert len(frames) == 20
    from mmpt.demo.render import render

    drawn = render(scene, 2.0, 20, 64, np.random.default_rng(0))
    assert np.abs(np.stack(frames).astype(int) - drawn).mean() < 12
    again = write_video(RenderJob(tmp_path / "w.mp4", scene, 2.0, 4.0))
    assert path.read_bytes() == again.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["v.mp4", "w.mp4"]


def test_a_stopped_world_goes_on_and_another_world_is_refused(tmp_path):
    plan = WorldPlan(num_videos=1, num_val=1, datasets=("how2",))
    write_world(tmp_path, plan, workers=1)
    videos = sorted((tmp_path / "videos" / "how2").iterdir())
    kept = videos[0].stat().st_mtime_ns
    videos[1].unlink()
    write_world(tmp_path, plan, workers=1)
    assert sorted((tmp_path / "videos" / "how2").iterdir()) == videos
    assert videos[0].stat().st_mtime_ns == kept
    with pytest.raises(DataError, match="holds another world"):
        write_world(tmp_path, WorldPlan(num_videos=2, num_val=1, datasets=("how2",)), workers=1)


def test_plans_without_videos_or_with_unknown_data_sets_are_refused():
    with pytest.raises(ConfigError, match="num_videos of at least 1; given is 0"):
        WorldPlan(num_videos=0)
    with pytest.raises(ConfigError, match="Unknown data sets howto; known are how2"):
        WorldPlan(datasets=("howto",))


def test_the_world_is_the_same_every_time(tmp_path):
    texts = []
    for name in ("a", "b"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("mmpt.demo.world.write_videos", lambda _jobs, _workers: None)
            write_world(tmp_path / name, WorldPlan(num_videos=2, num_test=2, num_other=1, datasets=DATASETS))
        files = sorted(p for p in (tmp_path / name).rglob("*") if p.is_file())
        texts.append([(p.relative_to(tmp_path / name), p.read_bytes()) for p in files])
    assert texts[0] == texts[1]
