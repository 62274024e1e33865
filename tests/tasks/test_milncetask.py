"""MILNCETask: four captions a clip through two towers to one loss."""

import pytest
import torch

from mmpt.losses import MILNCE
from mmpt.tasks import MILNCETask, Task


@pytest.fixture
def task(legacy_config):
    return Task.config_task(
        legacy_config.replace(
            task="MILNCETask",
            dataset=legacy_config.dataset.replace(aligner="How2MILNCEAligner"),
            model=legacy_config.model.replace(
                model_cls="MMFusionSeparate",
                video_encoder_cls="MMBertForEncoder",
                text_encoder_cls="BertModel",
                num_hidden_video_layers=1,
            ),
            loss=legacy_config.loss.replace(loss_cls="MILNCE"),
        )
    )


def test_a_step_scores_every_clip_with_every_candidate(task):
    assert type(task) is MILNCETask
    data = task.build_dataset("train", seed=1)
    sample = data.collater([data[0], data[1]])
    assert sample["caps"].shape == (2, 4, 4, 16)
    model = task.build_model().eval()
    loss, outputs = task(model, sample)
    assert outputs["pooled_video"].shape == (8, 48)
    assert outputs["pooled_text"].shape == (32, 48)
    assert loss == MILNCE()(pooled_video=outputs["pooled_video"], pooled_text=outputs["pooled_text"])
    loss.backward()
    # Caption 2 of clip 1 of video 1 is row (1 * 4 + 1) * 4 + 2.
    alone = model.encode_text(sample["caps"][1, 1, 2:3], sample["cmasks"][1, 1, 2:3])
    torch.testing.assert_close(outputs["pooled_text"][22:23], alone)


def test_a_shared_encoder_takes_candidates_too(task):
    model = task.config.model.replace(model_cls="MMFusionShare", mm_encoder_cls="MMBertForEncoder")
    shared = MILNCETask(task.config.replace(model=model))
    data = shared.build_dataset("train")
    loss, _ = shared(shared.build_model(), data.collater([data[0]]))
    assert torch.isfinite(loss)


@pytest.mark.parametrize(
    ("model_cls", "encoder"), [("MMFusionShare", "MMBertForEncoder"), ("MMFusionJoint", "MMBertForJoint")]
)
def test_candidates_of_a_question_are_scored_beside_one_video(task, model_cls, encoder):
    # As multiple choice is tested: no train_path, so that the joint model encodes video and text apart.
    dataset = task.config.dataset.replace(train_path=None, num_iso_layer=2)
    model = task.config.model.replace(model_cls=model_cls, mm_encoder_cls=encoder)
    question = Task(task.config.replace(dataset=dataset, model=model))
    data = task.build_dataset("train")
    sample = {key: value[0] for key, value in data.collater([data[0]]).items()}
    assert (sample["caps"].shape, sample["vfeats"].shape) == ((4, 4, 16), (4, 8, 512))
    model = question.build_model().eval()
    outputs = question.forward(model, sample)
    assert outputs["pooled_text"].shape == (16, 48)
    apart = {**sample, "caps": sample["caps"][:, 0], "cmasks": sample["cmasks"][:, 0]}
    torch.testing.assert_close(outputs["pooled_video"], question.forward(model, apart)["pooled_video"])
