"""Segmentation and localisation models: how many classes, what windows share, and what is refused."""

import json

import pytest
import torch

from mmpt.config import TaskConfig
from mmpt.errors import CheckpointError, ConfigError, DataError
from mmpt.losses import BCE, CrossEntropy
from mmpt.models import build_model, load_into
from mmpt.models.segmentation import num_labels

TOWERS = {"text_encoder_cls": "BertModel", "num_hidden_video_layers": 2}
CLASSIFIER = "MMBertForTokenClassification"
SEGMENTATION = {
    "joint": {"model_cls": "MMFusionActionSegmentation", "mm_encoder_cls": CLASSIFIER},
    "separate": {
        "model_cls": "MMFusionSeparateActionSegmentation",
        "video_encoder_cls": CLASSIFIER,
        **TOWERS,
    },
}
LOCALIZATION = {
    "joint": {"model_cls": "MMFusionActionLocalization", "mm_encoder_cls": "MMBertForJoint"},
    "separate": {
        "model_cls": "MMFusionSeparateActionLocalization",
        "video_encoder_cls": "MMBertForEncoder",
        **TOWERS,
    },
    "share": {"model_cls": "MMFusionShareActionLocalization", "mm_encoder_cls": "MMBertForEncoder"},
}
MODELS = [*SEGMENTATION.values(), *LOCALIZATION.values()]
STEPS = 3


def config_of(tiny_bert, model, **dataset):
    dataset = {"bert_name": str(tiny_bert), "max_video_len": 8, "max_len": 24, **dataset}
    return TaskConfig.from_mapping({"dataset": dataset, "model": {"num_labels": 5, **model}})


def windows(*seconds, seed=0):
    """Windows of one video that hold so many seconds each, and the dummy text of segmentation."""
    draw = torch.Generator().manual_seed(seed)
    vmasks = torch.arange(8) < torch.tensor(seconds)[:, None]
    vfeats = torch.randn(len(seconds), 8, 512, generator=draw) * vmasks[..., None]
    return {
        "caps": torch.tensor([11, 12, 0, 12]).repeat(len(seconds), 1),
        "cmasks": torch.tensor([False, True, False, True]).repeat(len(seconds), 1),
        "vfeats": vfeats,
        "vmasks": vmasks,
    }


def with_steps(inputs, steps=STEPS):
    """The same windows with the steps of a task, 2, 3, ... words long."""
    draw = torch.Generator().manual_seed(1)
    caps = torch.randint(20, 150, (steps, 16), generator=draw)
    caps[:, 0], caps[:, 1] = 11, 12
    cmasks = torch.arange(16) < torch.arange(steps)[:, None] + 5
    return {**inputs, "caps": caps.masked_fill(~cmasks, 0), "cmasks": cmasks}


def inputs_for(model, *seconds):
    inputs = windows(*seconds)
    return with_steps(inputs) if "Localization" in model["model_cls"] else inputs


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model["model_cls"])
def test_a_window_does_not_see_its_neighbours(tiny_bert, model):
    built = build_model(config_of(tiny_bert, model)).eval()
    inputs = inputs_for(model, 8, 5, 1)
    with torch.no_grad():
        together = built(**inputs)["logits"]
        alone = []
        for window in range(3):
            own = {
                key: value[window : window + 1]
                for key, value in inputs.items()
                if key.startswith("v") or "Segmentation" in model["model_cls"]
            }
            alone.append(built(**{**inputs, **own})["logits"])
    torch.testing.assert_close(torch.cat(alone), together, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model["model_cls"])
def test_padding_removal_changes_no_second(tiny_bert, model):
    config = config_of(tiny_bert, model)
    built, inputs = build_model(config).eval(), inputs_for(model, 8, 3)
    with torch.no_grad():
        expected = built(**inputs)["logits"]
        built.config = config.replace(model=config.model.replace(remove_padding=True))
        found = built(**inputs)["logits"]
    if "Segmentation" in model["model_cls"]:
        found, expected = found[inputs["vmasks"]], expected[inputs["vmasks"]]
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model["model_cls"])
def test_masks_may_be_numbers(tiny_bert, model):
    built, inputs = build_model(config_of(tiny_bert, model)).eval(), inputs_for(model, 8, 3)
    numbers = {key: value.long() if key.endswith("masks") else value for key, value in inputs.items()}
    with torch.no_grad():
        assert torch.equal(built(**numbers)["logits"], built(**inputs)["logits"])


@pytest.mark.parametrize("model", SEGMENTATION.values(), ids=SEGMENTATION)
def test_segmentation_learns_to_tell_seconds_apart(tiny_bert, model):
    torch.manual_seed(0)
    built, inputs = build_model(config_of(tiny_bert, model)).train(), windows(8, 6)
    targets = torch.where(inputs["vmasks"], torch.arange(8) % 5, -100)
    optimizer = torch.optim.Adam(built.parameters(), lr=3e-3)
    losses = []
    for _ in range(12):
        loss = CrossEntropy()(logits=built(**inputs)["logits"], targets=targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]


@pytest.mark.parametrize("model", LOCALIZATION.values(), ids=LOCALIZATION)
def test_localisation_trains_both_sides(tiny_bert, model):
    built, inputs = build_model(config_of(tiny_bert, model)).train(), with_steps(windows(8, 2))
    logits = built(**inputs)["logits"]
    assert logits.shape == (10, STEPS)
    BCE()(logits=logits, targets=torch.zeros(10, STEPS)).backward()
    moved = {
        name.split(".")[0] for name, p in built.named_parameters() if p.grad is not None and p.grad.any()
    }
    assert moved == {name for name, _ in built.named_children()}


@pytest.mark.parametrize("model", SEGMENTATION.values(), ids=SEGMENTATION)
def test_several_videos_of_as_many_windows_are_joined(tiny_bert, model):
    built = build_model(config_of(tiny_bert, model)).eval()
    videos = [windows(8, 4, seed=seed) for seed in (0, 1)]
    stacked = {key: torch.stack([video[key] for video in videos]) for key in videos[0]}
    with torch.no_grad():
        expected = torch.cat([built(**video)["logits"] for video in videos])
        torch.testing.assert_close(built(**stacked)["logits"], expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("model", LOCALIZATION.values(), ids=LOCALIZATION)
def test_localisation_takes_one_video(tiny_bert, model):
    stacked = {key: torch.stack([value, value]) for key, value in with_steps(windows(8)).items()}
    with pytest.raises(DataError, match="2 videos, and every video has its own steps"):
        build_model(config_of(tiny_bert, model))(**stacked)


def test_the_number_of_classes_is_the_configs_or_the_datas_or_coins(tiny_bert, tmp_path):
    segment = {"id": "7", "label": "stir", "segment": [0, 1]}
    database = {"a": {"subset": "testing", "annotation": [segment]}}
    (tmp_path / "COIN.json").write_text(json.dumps({"database": database}))
    data = {
        "meta_processor": "COINActionSegmentationMetaProcessor",
        "test_path": str(tmp_path / "COIN.json"),
    }
    joint = SEGMENTATION["joint"]
    assert num_labels(config_of(tiny_bert, joint)) == 5
    assert num_labels(config_of(tiny_bert, {**joint, "num_labels": None}, **data)) == 8
    assert num_labels(config_of(tiny_bert, {**joint, "num_labels": None})) == 779
    other = {"meta_processor": "MSRVTTMetaProcessor"}  # counts no classes
    assert num_labels(config_of(tiny_bert, {**joint, "num_labels": None}, **other)) == 779
    with pytest.raises(DataError, match=r"nowhere\.json"):
        num_labels(config_of(tiny_bert, {**joint, "num_labels": None}, **data, train_path="nowhere.json"))
    nameless = {"meta_processor": "COINActionSegmentationMetaProcessor"}
    with pytest.raises(ConfigError, match="number of classes is counted"):
        num_labels(config_of(tiny_bert, {**joint, "num_labels": None}, **nameless))


@pytest.mark.parametrize(("model", "key"), [("joint", "mm_encoder_cls"), ("separate", "video_encoder_cls")])
def test_an_encoder_without_classifier_is_named(tiny_bert, model, key):
    changed = {**SEGMENTATION[model], key: "MMBertForJoint"}
    with pytest.raises(ConfigError, match=rf"model\.{key} is 'MMBertForJoint'; .* needs 'MMBertForTokenC"):
        build_model(config_of(tiny_bert, changed))


def test_a_checkpoint_with_other_classes_is_refused(tiny_bert, tmp_path):
    joint = SEGMENTATION["joint"]
    torch.save(build_model(config_of(tiny_bert, joint)).state_dict(), tmp_path / "five.pt")
    other = build_model(config_of(tiny_bert, {**joint, "num_labels": 9}))
    with pytest.raises(CheckpointError, match=r"classifier\.bias \(5,\) for \(9,\)"):
        load_into(other, tmp_path / "five.pt")


def test_a_checkpoint_of_localisation_lacks_the_classifier(tiny_bert, tmp_path):
    torch.save(build_model(config_of(tiny_bert, LOCALIZATION["joint"])).state_dict(), tmp_path / "steps.pt")
    with pytest.raises(CheckpointError, match="lacks 2 tensors of MMFusionActionSegmentation"):
        load_into(
            build_model(config_of(tiny_bert, SEGMENTATION["joint"])), tmp_path / "steps.pt", complete=True
        )
