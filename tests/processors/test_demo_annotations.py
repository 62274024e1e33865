"""The demo world's annotations, with random features in place of its videos, through every end task."""

import numpy as np
import pytest
from torch.utils.data import DataLoader

from mmpt.config import DatasetConfig, TaskConfig
from mmpt.datasets import build_dataset
from mmpt.demo.annotations import TASKS, write_coin, write_crosstask, write_didemo, write_youcook
from mmpt.demo.msrvtt import write_msrvtt
from mmpt.demo.scene import scene_of


def scenes(first, count, split="train", script=()):
    return [scene_of(0, first + k, split, script) for k in range(count)]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Folder of the annotations, and of one feature file per scene in ``feat``."""
    folder = tmp_path_factory.mktemp("world")
    films = scenes(0, 3)
    crosstask = {task.task_id: scenes(100 * (n + 1), 4, "train", task.script) for n, task in enumerate(TASKS)}
    write_coin(folder, films[:2], films[2:])
    write_youcook(folder, films[:1], films[1:])
    write_didemo(folder, films, 30.0)
    write_crosstask(folder, crosstask, {task: group[-1:] for task, group in crosstask.items()})
    clips = [(scene, k) for scene in scenes(50, 2, "test") for k in range(4)]
    jobs = write_msrvtt(folder / "msrvtt", folder, clips[:2], clips[2:])
    seconds = {job.path.stem: 3 for job in jobs}
    seconds |= {s.video_id: round(s.duration) for s in [*films, *(s for g in crosstask.values() for s in g)]}
    rng = np.random.default_rng(0)
    (folder / "feat").mkdir()
    for video, length in seconds.items():
        np.save(folder / "feat" / f"{video}.npy", rng.normal(size=(length, 512)).astype(np.float16))
    return folder


def datasets(world, tiny_bert, name, **keys):
    """The split -> its data set, for every split whose file is given, and for all of CrossTask."""
    given = {
        key: str(world / value) if key.endswith(("_path", "annotation")) else value
        for key, value in keys.items()
    }
    section = DatasetConfig(
        **{"video_processor": "VideoProcessor", "text_processor": f"{name}TextProcessor", **given},
        meta_processor=f"{name}MetaProcessor",
        bert_name=str(tiny_bert),
        vfeat_dir=str(world / "feat"),
        max_video_len=32,
        max_len=64,
        sliding_window=8,
        sliding_window_size=32,
    )
    paths = {"train": section.train_path, "valid": section.val_path, "test": section.test_path}
    wanted = paths if name == "CrossTask" else {split: path for split, path in paths.items() if path}
    return {split: build_dataset(TaskConfig(dataset=section), split) for split in wanted}


def batches(dataset, size):
    return list(DataLoader(dataset, batch_size=size, collate_fn=dataset.collater))


def test_multiple_choice(world, tiny_bert):
    found = datasets(
        world, tiny_bert, "MSRVTTQA", aligner="MSRVTTQAAligner", test_path="msrvtt-qa/MSR_MC_test.csv"
    )
    (batch,) = batches(found["test"], 6)
    assert batch["caps"].shape == (6, 5, 32)
    assert set(batch["answers"].flatten().tolist()) <= set(range(5))


def test_coin(world, tiny_bert):
    path = dict.fromkeys(("train_path", "val_path", "test_path"), "COIN.json")
    name = "COINActionSegmentation"
    found = datasets(world, tiny_bert, name, aligner=f"{name}Aligner", **path)
    assert {split: len(dataset) for split, dataset in found.items()} == {"train": 2, "valid": 1, "test": 1}
    classes = len(found["test"].meta_processor.labels)
    for batch in batches(found["train"], 1):
        targets = batch["video_targets"]
        assert 0 <= targets.min() < targets.max() < classes
        assert (batch["targets"][batch["vmasks"]] >= 0).all()


def test_crosstask(world, tiny_bert):
    # Each task has four videos, one of them in the validation list; n_train = 2 leaves one of each of the
    # four primary tasks for the test, and 4 * 2 + 2 * 3 for training.
    keys = {
        "train_csv_path": "videos.csv",
        "val_csv_path": "videos_val.csv",
        "primary_path": "tasks_primary.txt",
        "related_path": "tasks_related.txt",
        "annotation_path": "annotations",
    }
    processors = {"video_processor": "CrossTaskVideoProcessor", "aligner": "CrossTaskAligner", "n_train": 2}
    found = datasets(world, tiny_bert, "CrossTask", **keys, **processors)
    assert {split: len(dataset) for split, dataset in found.items()} == {"train": 14, "valid": 6, "test": 4}
    for batch in batches(found["test"], 1):
        assert batch["targets"].sum() > 0
        assert batch["caps"].shape[1] == batch["targets"].shape[-1]
        assert batch["video_targets"].shape[1] == batch["video_len"].item()


def test_didemo(world, tiny_bert):
    found = datasets(world, tiny_bert, "DiDeMo", aligner="DiDeMoAligner", test_path="test_data.json")
    (batch,) = batches(found["test"], len(found["test"]))
    assert batch["times"].shape == (len(found["test"]), 4, 2)
    assert found["test"].report["dropped"] == {}


def test_youcook_captioning(world, tiny_bert):
    keys = {
        "train_path": "train_list.txt",
        "test_path": "val_list.txt",
        "trainval_annotation": "youcookii_annotations_trainval.json",
        "video_processor": "YoucookVideoProcessor",
        "text_processor": "NLGTextProcessor",
        "aligner": "DSNLGAligner",
    }
    found = datasets(world, tiny_bert, "YoucookNLG", **keys)
    for dataset in found.values():
        assert dataset.report["dropped"] == {}
        (batch,) = batches(dataset, len(dataset))
        assert batch["vmasks"].any(1).all()
