"""RetriTask: the batches of an epoch are neighbours, and a function of seed, epoch and weights."""

import logging

import numpy as np
import pytest
import torch
from torch import nn

from mmpt.errors import ConfigError, DataError
from mmpt.tasks import RetriTask, Task, VideoRetriTask


class Means(nn.Module):
    """A model whose vectors are means of its inputs, one weight apart."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, caps, vfeats, vmasks):
        assert not self.training
        video = (vfeats * vmasks[..., None]).sum(1) * self.weight
        text = caps[:, :1].float().expand_as(video)
        return {"pooled_video": video, "pooled_text": text}


@pytest.fixture
def config(legacy_config):
    """12 videos in batches of 3 out of 5 neighbours."""
    dataset = legacy_config.dataset.replace(
        meta_processor="ShardedHow2VideoRetriMetaProcessor",
        video_processor="ShardedVideoRetriVideoProcessor",
        text_processor="ShardedVideoRetriTextProcessor",
        aligner="VideoRetriOverlappedAligner",
        num_video_per_batch=3,
        clip_per_video=2,
        subsampling=1,
    )
    return legacy_config.replace(
        task="VideoRetriTask", dataset=dataset, retri_epoch=2, num_cands=5, retri_index="exact"
    )


@pytest.fixture
def batches(config, tmp_path):
    """Function: the batches of an epoch, made in a folder of its own."""

    def find(epoch, seed=0, scale=1.0, task=config, folder=None, workers=0):
        task = Task.config_task(task)
        task.model = Means()
        nn.init.constant_(task.model.weight, scale)
        dataset = task.build_dataset("train", seed=seed)
        task.prepare_epoch(epoch, dataset, folder or tmp_path / str(len(list(tmp_path.iterdir()))), workers)
        assert task.model.training
        return [[video.video_id for video in item[0]] for item in dataset.meta_processor]

    return find


def consecutive():
    return [[f"v{3 * batch + video:05d}" for video in range(3)] for batch in range(4)]


def test_before_its_first_epoch_the_batches_stay(batches):
    assert batches(1) == consecutive()
    assert batches(2) != consecutive()
    assert batches(3) != batches(2)


def test_batches_depend_on_seed_epoch_and_weights_alone(batches):
    assert batches(2) == batches(2)
    assert batches(2) != batches(2, seed=1)
    assert batches(2, workers=1) == batches(2)
    # Neighbours by minus the video and plus the text are others.
    assert batches(2) != batches(2, scale=-0.01)


def test_a_batch_holds_the_nearest_by_the_mean_over_all_clips(config, tmp_path):
    # num_cands = num_video_per_batch: a batch is its centre and the two nearest videos.
    config = config.replace(num_cands=3)
    task = Task.config_task(config)
    task.model = Means()
    dataset = task.build_dataset("train", seed=4)
    single = task.build_dataset("train", seed=4)
    single.meta_processor.set_candidates([[video] for video in range(12)])
    single.set_epoch(2)
    vectors = []
    for video in range(12):
        with torch.no_grad():
            outputs = task.model.eval()(**{key: single[video][key] for key in ("caps", "vfeats", "vmasks")})
        vectors.append(((outputs["pooled_video"] + outputs["pooled_text"]) / 2).mean(0).numpy())
    task.model.train()
    distances = np.linalg.norm(np.array(vectors)[:, None] - np.array(vectors)[None], axis=-1)

    task.prepare_epoch(2, dataset, tmp_path)

    nearest = {frozenset(np.argsort(row)[:3].tolist()) for row in distances}
    assert len(dataset) == 4
    assert {frozenset(batch) for batch in dataset.meta_processor.batches} <= nearest


def test_an_epoch_that_goes_on_keeps_its_batches_whatever_the_weights_are_now(config, tmp_path):
    task = Task.config_task(config)
    task.model = Means()
    dataset = task.build_dataset("train")
    task.prepare_epoch(2, dataset, tmp_path)
    state, made = task.epoch_state(), dataset.meta_processor.batches

    resumed = Task.config_task(config)
    resumed.load_epoch_state(state)
    dataset = resumed.build_dataset("train")
    resumed.prepare_epoch(2, dataset, tmp_path)  # no model is needed
    assert dataset.meta_processor.batches == made
    # The next epoch makes new ones.
    resumed.model = Means()
    resumed.prepare_epoch(3, dataset, tmp_path)
    assert dataset.meta_processor.batches != made


@pytest.mark.parametrize(
    "change", [{"num_video_per_batch": 2}, {"train_path": "few.lst"}], ids=["other batches", "other videos"]
)
def test_batches_of_other_data_are_not_taken_over(config, golden, tmp_path, monkeypatch, change):
    monkeypatch.chdir(tmp_path)
    names = (golden / "legacy" / "data" / "train.lst").read_text().split()
    (tmp_path / "few.lst").write_text("\n".join(names[::-1]))
    task = Task.config_task(config)
    task.model = Means()
    task.prepare_epoch(2, task.build_dataset("train"), tmp_path)

    other = Task.config_task(config.replace(dataset=config.dataset.replace(**change)))
    other.load_epoch_state(task.epoch_state())
    dataset = other.build_dataset("train")
    with pytest.raises(AssertionError, match="the model is built"):
        other.prepare_epoch(2, dataset, tmp_path)


@pytest.mark.parametrize("state", [{}, {"batches": [[0]]}, {"key": "x", "batches": torch.zeros(1, 1)}])
def test_the_state_of_another_task_is_ignored(config, tmp_path, state):
    task = Task.config_task(config)
    task.load_epoch_state(state)
    task.model = Means()
    dataset = task.build_dataset("train")
    task.prepare_epoch(2, dataset, tmp_path)
    assert len(dataset.meta_processor.batches[0]) == 3


def test_fewer_videos_than_a_batch_are_one_batch_of_all(config, tmp_path):
    section = config.dataset.replace(num_video_per_batch=32)
    task = Task.config_task(config.replace(dataset=section, num_cands=64))
    task.model = Means()
    dataset = task.build_dataset("train")
    task.prepare_epoch(2, dataset, tmp_path)
    assert [sorted(batch) for batch in dataset.meta_processor.batches] == [list(range(12))]


@pytest.mark.parametrize("index", ["flatl2", "pq", None])
def test_every_index_makes_batches_of_few_videos(config, batches, index):
    found = batches(2, task=config.replace(retri_index=index))
    assert [len(set(batch)) for batch in found] == [3] * 4


def test_what_was_done_is_logged(batches, caplog):
    with caplog.at_level(logging.INFO):
        batches(2)
    (message,) = [each for each in caplog.messages if "embedded" in each]
    assert message.startswith("epoch 2: embedded 12 videos in ")
    assert message.endswith("s (index exact)")
    assert "drew 4 batches of 3 videos, each out of 5 neighbours" in message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"retri_epoch": None}, r"needs retri_epoch \(given: None\), num_cands \(5\)"),
        ({"num_cands": 2}, "num_cands is 2, and the 3 videos of a batch .* Set it to 6 or so, at least 3"),
        ({"retriever_cls": "VectorRetreiver"}, "did you mean 'VectorRetriever'"),
        ({"vectorpool_cls": "VideoPool"}, "Unknown vectorpool_cls 'VideoPool'"),
        ({"retri_index": "flat"}, "retri_index is 'flat'"),
    ],
)
def test_a_setting_that_cannot_work_is_named_before_the_first_epoch(config, tmp_path, changes, message):
    task = Task.config_task(config.replace(**changes))
    with pytest.raises(ConfigError, match=message):
        task.prepare_epoch(1, task.build_dataset("train"), tmp_path)


def test_a_list_of_single_videos_is_refused(config, legacy_config, tmp_path):
    dataset = Task(legacy_config).build_dataset("train")
    with pytest.raises(ConfigError, match=r"lists batches of videos, such as .*; given is ShardedHow2Meta"):
        Task.config_task(config).prepare_epoch(1, dataset, tmp_path)


def test_a_model_without_pooled_vectors_is_refused(config, tmp_path):
    class Other(Means):
        def forward(self, caps, vfeats, vmasks):
            return {"logits": self.weight}

    task = Task.config_task(config)
    task.model = Other()
    with pytest.raises(ConfigError, match="needs a model that returns pooled_video and pooled_text"):
        task.prepare_epoch(2, task.build_dataset("train"), tmp_path)
    assert task.model.training


def test_vectors_that_are_not_finite_stop_the_training(batches):
    with pytest.raises(DataError, match="12 of 12 vectors are not finite"):
        batches(2, scale=float("nan"))


def test_the_general_task_names_its_classes_and_the_one_of_videos_need_not(config):
    general = Task.config_task(config.replace(task="RetriTask"))
    dataset = general.build_dataset("train")
    with pytest.raises(ConfigError, match=r"The task 'RetriTask' needs .*vectorpool_cls \(None\)"):
        general.prepare_epoch(1, dataset, None)
    task = Task.config_task(config)
    assert isinstance(task, VideoRetriTask)
    assert isinstance(task, RetriTask)
    assert (task.config.vectorpool_cls, task.config.retriever_cls) == ("VideoVectorPool", "VectorRetriever")
    assert config.vectorpool_cls is None
