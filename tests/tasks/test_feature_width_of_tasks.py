"""Features of another width than S3D's, from the task file to its numbers."""

import numpy as np
import pytest
import torch
import yaml

from mmpt.config import load_task
from mmpt.errors import CheckpointError, ConfigError
from mmpt.evaluators import evaluate
from mmpt.models import MMPTModel
from mmpt.tasks import Task

WIDTH = 40


@pytest.fixture
def wide_task(retrieval_task):
    """The small retrieval task with features of 40 numbers; its checkpoint is of a model for 512."""
    for path in (retrieval_task.parent / "feat").glob("*.npy"):
        np.save(path, np.load(path)[:, :WIDTH])
    return retrieval_task


def set_width(task, width):
    values = yaml.safe_load(task.read_text())
    values["dataset"]["vfeat_dim"] = width
    task.write_text(yaml.safe_dump(values))


def test_a_model_is_built_for_the_width_of_the_features_and_scored_on_them(wide_task):
    task = Task.config_task(load_task(wide_task))
    assert task.config.dataset.vfeat_dim == WIDTH
    state = task.build_model(pretrained=False).state_dict()
    assert state["video_encoder.videomlp.linear1.weight"].shape == (48, WIDTH)
    torch.save(state, wide_task.parent / "runs/checkpoint_best.pt")
    result = evaluate(load_task(wide_task))
    assert result.counts["queries"] == 4
    model, _, _ = MMPTModel.from_pretrained(wide_task, wide_task.parent / "runs/checkpoint_best.pt")
    assert model.encode_video([torch.ones(3, WIDTH)]).shape == (1, 48)


def test_a_wrong_width_is_refused_when_the_task_is_built(wide_task):
    set_width(wide_task, 512)
    with pytest.raises(
        ConfigError, match=r"vfeat_dim is 512, and the features in .*feat are 40 numbers wide"
    ):
        Task.config_task(load_task(wide_task))


def test_a_checkpoint_of_another_width_is_refused_with_both(wide_task):
    with pytest.raises(CheckpointError, match=r"trained on features of 512 numbers and this model reads 40"):
        evaluate(load_task(wide_task))
