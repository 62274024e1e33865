"""VLM's pre-training tasks, as shipped, give whole batches over the shards that the original wrote."""

from pathlib import Path

import pytest
import torch

from mmpt.config.task import load_task
from mmpt.tasks import Task, VLMTask
from mmpt.types import IGNORED
from mmpt.utils.tokenizer import load_tokenizer

ROOT = Path(__file__).parents[2]
PROJECTS = ["mfmmlm", "mtm/mmfusionmtm", "mtm/vlm"]


@pytest.fixture
def task_of(monkeypatch, legacy_config):
    """The pre-training task of a project with small data: 12 videos, tiny BERT, 4 clips a video."""
    monkeypatch.chdir(ROOT)
    small = legacy_config.dataset
    data = {
        key: getattr(small, key) for key in ("bert_name", "train_path", "val_path", "vfeat_dir", "tfeat_dir")
    }

    def load(project, **changes):
        config = load_task(f"projects/{project}/how2.yaml")
        dataset = config.dataset.replace(**data, max_video_len=8, max_len=24, subsampling=4, **changes)
        return Task.config_task(config.replace(dataset=dataset))

    return load


@pytest.fixture
def task(task_of):
    return task_of("mtm/vlm", sampled_min_len=4, sampled_max_len=12)


def clips_of(task, epoch=1):
    """A batch of three videos, 12 clips in the order in which the model gets them."""
    data = task.build_dataset("train", seed=1)
    data.set_epoch(epoch)
    return task.reshape(data.collater([data[item] for item in range(3)]))


@pytest.mark.parametrize("project", PROJECTS)
def test_a_shipped_task_gives_batches_of_masked_clips(task_of, project):
    task = task_of(project)
    assert type(task) is (Task if project == "mfmmlm" else VLMTask)
    batch = clips_of(task)
    assert {
        key: (tuple(value.shape), value.dtype) for key, value in batch.items() if torch.is_tensor(value)
    } == {
        "caps": ((12, 16), torch.int64),
        "cmasks": ((12, 16), torch.bool),
        "vfeats": ((12, 8, 512), torch.float32),
        "vmasks": ((12, 8), torch.bool),
        "video_label": ((12, 8), torch.bool),
        "text_label": ((12, 16), torch.int64),
        "video_start": ((12,), torch.int64),
        "video_end": ((12,), torch.int64),
        "text_start": ((12,), torch.float32),
        "text_end": ((12,), torch.float32),
    }
    assert len(batch["video_id"]) == 12
    assert not (batch["video_label"] & ~batch["vmasks"]).any()
    labelled = batch["text_label"] != IGNORED
    assert not (labelled & ~batch["cmasks"]).any()
    special = torch.tensor(load_tokenizer(task.config.dataset.bert_name).all_special_ids)
    assert not torch.isin(batch["text_label"][labelled], special).any()
    # Masked frames keep their features; the model hides them.
    assert (batch["vfeats"].abs().sum(-1) > 0)[batch["vmasks"]].all()


@pytest.mark.parametrize("project", PROJECTS)
@pytest.mark.parametrize("mm_type", [None, "textgen"])
def test_a_shipped_task_takes_a_step(task_of, project, mm_type):
    task = task_of(project, mm_type=mm_type)
    data = task.build_dataset("train", seed=1)
    model = task.build_model()
    loss, outputs = task(model, data.collater([data[item] for item in range(3)]))
    loss.backward()
    assert loss.item() > 0
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
    assert len(outputs["text_logits"]) > 0


def test_first_halves_of_the_clips_come_first(task):
    batch = clips_of(task)
    names = list(dict.fromkeys(batch["video_id"]))
    assert batch["video_id"] == [name for _ in range(2) for name in names for _ in range(2)]
    one_after_another = clips_of(Task(task.config))
    for key in ("caps", "vfeats", "text_label"):
        rows = [0, 1, 4, 5, 8, 9, 2, 3, 6, 7, 10, 11]
        assert torch.equal(batch[key], one_after_another[key][rows])


def test_the_order_of_the_clips_changes_no_loss(task):
    model, data = task.build_model().eval(), task.build_dataset("train", seed=1)
    sample = data.collater([data[item] for item in range(3)])
    plain = Task(task.config)
    plain.model = model
    with torch.no_grad():
        torch.testing.assert_close(task(model, sample)[0], plain(model, sample)[0])


def test_masks_change_with_the_epoch_and_not_with_the_order_of_access(task):
    data = task.build_dataset("train", seed=1)
    data.set_epoch(2)
    backwards = {item: data[item] for item in reversed(range(3))}
    again = task.build_dataset("train", seed=1)
    again.set_epoch(2)
    for item in range(3):
        for key, value in again[item].items():
            assert value == backwards[item][key] if key == "video_id" else value.equal(backwards[item][key])
    assert not clips_of(task, 2)["text_label"].equal(clips_of(task, 3)["text_label"])
