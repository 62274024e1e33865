"""The parts of the fairseq plugin one by one, and what they refuse."""

import argparse
import pickle
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from fairseq.tasks import TASK_REGISTRY
from hypothesis import given
from hypothesis import strategies as st

import mmpt.datasets
import mmpt.losses
import mmpt.models
import mmpt.tasks
from mmpt.errors import CheckpointError, ConfigError, MissingDependencyError
from mmpt.fairseq_plugin import FairseqMMDataset, FairseqMMModel, FairseqMMTask, MMCriterion

pytestmark = pytest.mark.fairseq


class Numbers:
    """A data set whose item tells (seed, epoch, index)."""

    meta_processor = None

    def __init__(self, length=10, seed=3):
        self.length, self.seed, self.epoch = length, seed, 0

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        return (self.seed, self.epoch, index)

    def set_epoch(self, epoch):
        self.epoch = epoch

    def collater(self, samples):
        return {"items": list(samples)}


@given(length=st.integers(1, 50), batch=st.integers(1, 12), epoch=st.integers(1, 5))
def test_an_epoch_holds_every_item_once_in_batches_of_the_size_asked_for(length, batch, epoch):
    dataset = FairseqMMDataset(Numbers(length))
    dataset.set_epoch(epoch)
    batches = dataset.batch_by_size(
        dataset.ordered_indices(), max_sentences=batch, required_batch_size_multiple=8
    )
    assert sorted(np.concatenate(batches)) == list(range(length))
    assert {len(each) for each in batches[:-1]} <= {batch}
    assert 0 < len(batches[-1]) <= batch


class Digits:
    """A list whose items have the kind of their last digit."""

    def kind(self, index):
        return index % 10


@given(length=st.integers(1, 50), batch=st.integers(1, 12))
def test_a_batch_holds_items_of_one_kind(length, batch):
    numbers = Numbers(length)
    numbers.meta_processor = Digits()
    dataset = FairseqMMDataset(numbers)
    order = dataset.ordered_indices()
    batches = dataset.batch_by_size(order, max_sentences=batch)
    assert sorted(np.concatenate(batches)) == list(range(length))
    assert all(len({index % 10 for index in each}) == 1 for each in batches)
    assert max(map(len, batches)) == min(batch, -(-length // 10))
    place = {index: number for number, index in enumerate(order)}
    assert all(np.all(np.diff([place[index] for index in each]) > 0) for each in batches)


def test_the_order_is_a_function_of_seed_and_epoch():
    def order(seed, epoch):
        dataset = FairseqMMDataset(Numbers(50, seed))
        dataset.set_epoch(epoch)
        return dataset.ordered_indices().tolist()

    assert order(seed=3, epoch=1) == order(seed=3, epoch=1)
    assert order(seed=3, epoch=1) != order(seed=3, epoch=2)
    assert order(seed=3, epoch=1) != order(seed=4, epoch=1)


def test_validation_data_stay_the_same_in_every_epoch():
    dataset = FairseqMMDataset(Numbers(), shuffle=False)
    dataset.set_epoch(7)
    assert dataset.ordered_indices().tolist() == list(range(10))
    assert dataset[4] == (3, 0, 4)


def test_training_items_know_their_epoch():
    dataset = FairseqMMDataset(Numbers())
    dataset.set_epoch(7)
    assert dataset[np.int64(4)] == (3, 7, 4)


def test_batches_by_tokens_are_refused():
    dataset = FairseqMMDataset(Numbers())
    with pytest.raises(ConfigError, match=r"fairseq\.dataset\.batch_size.*--max-tokens are not supported"):
        dataset.batch_by_size(dataset.ordered_indices(), max_tokens=4096)


def test_the_old_public_names_lead_to_the_plugin():
    assert mmpt.tasks.FairseqMMTask is FairseqMMTask is TASK_REGISTRY["mmtask"]
    assert mmpt.datasets.FairseqMMDataset is FairseqMMDataset
    assert mmpt.models.FairseqMMModel is FairseqMMModel
    assert mmpt.losses.MMCriterion is MMCriterion


def test_importing_the_plugin_allows_one_plain_class_in_safe_loading():
    assert argparse.Namespace in torch.serialization.get_safe_globals()


def test_without_fairseq_the_error_says_what_to_install(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("mmpt.fairseq_plugin")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "fairseq", None)
    with pytest.raises(MissingDependencyError, match=r"'fairseq' is needed to train .* run: make setup"):
        mmpt.tasks.FairseqMMTask  # noqa: B018


def test_a_restore_file_that_does_not_exist_is_refused_instead_of_ignored(workspace, train):
    with pytest.raises(CheckpointError, match=r"restore_file.*runs/gone\.pt, which does not exist"):
        train("new", "--restore-file", "runs/gone.pt")


def test_a_project_is_refused_as_task_file(workspace):
    with open("task.yaml", "w") as stream:
        stream.write("project_dir: a\nbase_dir: task\ntask_group: {train: {task_list: [default.yaml]}}\n")
    cfg = argparse.Namespace(taskconfig="task.yaml", restore_file="checkpoint_last.pt")
    with pytest.raises(ConfigError, match=r"task\.yaml"):
        FairseqMMTask.setup_task(cfg)


def test_the_checkpoint_of_another_model_is_refused_with_its_name(workspace, train):
    workspace.change("model.num_hidden_video_layers", 2)
    train("run", "--max-update", "1")
    workspace.change("model.num_hidden_video_layers", 1)
    with pytest.raises(Exception, match=r"Cannot load .* runs/run/checkpoint_last\.pt") as caught:
        train("run")
    cause = caught.value.__context__
    assert isinstance(cause, CheckpointError)
    assert "weights of another model than MMFusionSeparate. Check model.model_cls" in str(cause)
    assert "video_encoder.bert.encoder.layer.1" in str(cause)


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (truncate, r"checkpoint_last\.pt cannot be read \(RuntimeError\): it is truncated"),
        (
            lambda path: path.write_bytes(pickle.dumps(print)),
            r"checkpoint_last\.pt cannot be read: .*could run code",
        ),
        (lambda path: torch.save({"w": torch.zeros(1)}, path), "is no checkpoint of fairseq-train"),
    ],
    ids=["truncated", "hostile", "weights alone"],
)
def test_a_checkpoint_from_which_training_cannot_go_on_is_refused_by_name(
    workspace, train, golden, spoil, message
):
    path = Path("runs/run/checkpoint_last.pt")
    path.parent.mkdir(parents=True)
    shutil.copy(golden / "legacy" / "checkpoint_best.pt", path)
    spoil(path)
    with pytest.raises(CheckpointError, match=message):
        train("run")
