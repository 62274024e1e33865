"""A model as a folder: it comes back to the last bit, whole or not at all, and runs no code."""

import json
import os
import shutil
import signal

import pytest
import torch
import yaml
from model_makers import FPS, MODELS, SIZE, model_of, save_s3d, task_of
from safetensors.torch import load_file

from mmpt.errors import CheckpointError, ConfigError, DataError
from mmpt.models import MMPTModel, build_model, hub, load_into, load_state_dict, saving
from mmpt.store import modelfolder
from mmpt.utils.files import sha256, write_json

TEXTS = ["now cut the onion", "stir", ""]


@pytest.fixture(scope="module")
def bert(tiny_bert, tmp_path_factory):
    """The tiny BERT at a place that is gone later."""
    return shutil.copytree(tiny_bert, tmp_path_factory.mktemp("machine") / "bert")


@pytest.fixture
def with_encoder(bert, tmp_path):
    """A model whose video encoder has weights on this machine."""
    model = model_of("VideoCLIP", bert)
    extractor = model.config.extractor.replace(weights=str(save_s3d(tmp_path)))
    return MMPTModel(model.config.replace(extractor=extractor), model.model).eval()


def load(folder):
    return MMPTModel.from_pretrained(folder)[0]


@pytest.mark.parametrize("name", MODELS)
def test_a_saved_model_comes_back_to_the_last_bit(bert, tmp_path, name):
    model = model_of(name, bert)
    model.save_pretrained(tmp_path / "saved", video_encoder=False)
    found = load(tmp_path / "saved")
    state = found.model.state_dict()
    for key, tensor in model.model.state_dict().items():
        assert torch.equal(state[key], tensor), key
    assert found.identity == model.identity
    assert torch.equal(found.encode_text(TEXTS), model.encode_text(TEXTS))
    videos = [torch.ones(3, 512), torch.randn(9, 512)]
    assert torch.equal(found.encode_video(videos), model.encode_video(videos))
    assert found.tokenizer(TEXTS)["input_ids"] == model.tokenizer(TEXTS)["input_ids"]


def test_tied_tensors_are_one_in_the_file_and_are_known_by_both_names(bert, tmp_path):
    model = model_of("VLM", bert)
    model.save_pretrained(tmp_path / "saved", video_encoder=False)
    words, decoder = "mm_encoder.bert.embeddings.word_embeddings.weight", "mm_encoder.cls.predictions.decoder"
    stored = load_file(tmp_path / "saved/model.safetensors")
    assert (words in stored) != (f"{decoder}.weight" in stored)
    state = load_state_dict(tmp_path / "saved")
    assert torch.equal(state[words], state[f"{decoder}.weight"])


def test_a_folder_holds_all_it_needs_and_names_nothing_of_this_machine(with_encoder, tmp_path, bert):
    with_encoder.save_pretrained(tmp_path / "saved", licence="mit")
    moved = shutil.move(tmp_path / "saved", tmp_path / "moved")
    shutil.move(tmp_path / "s3d.safetensors", tmp_path / "away.safetensors")
    found = load(moved)
    frames = torch.randint(0, 256, (2, FPS, SIZE, SIZE, 3), dtype=torch.uint8)
    assert found.encode_video([frames]).shape == (1, 48)
    # The name and the checksum, which indexes record, are those of the original file.
    digest = sha256(tmp_path / "away.safetensors")[:16]
    assert found.video_encoder().spec.identity == f"s3d s3d.safetensors {digest}"
    for file in ("README.md", "mmpt.json", "task.yaml", "bert/config.json", "bert/tokenizer_config.json"):
        text = (moved / file).read_text()
        assert str(tmp_path) not in text, file
        assert str(bert.parent) not in text, file


def test_the_video_encoder_can_be_left_out(with_encoder, tmp_path):
    with_encoder.save_pretrained(tmp_path / "saved", video_encoder=False)
    assert not (tmp_path / "saved/video_encoder").exists()
    assert yaml.safe_load((tmp_path / "saved/task.yaml").read_text())["extractor"]["weights"] == (
        "s3d.safetensors"
    )
    found = load(tmp_path / "saved")
    assert found.encode_video([torch.ones(3, 512)]).shape == (1, 48)
    with pytest.raises(CheckpointError, match=r"s3d\.safetensors do not exist"):
        found.encode_video([torch.zeros(1, FPS, SIZE, SIZE, 3)])


def test_weights_of_the_video_encoder_that_are_missing_are_asked_for(bert, tmp_path):
    with pytest.raises(CheckpointError, match=r"none\.safetensors of the video encoder do not exist.*=False"):
        model_of("VideoCLIP", bert).save_pretrained(tmp_path / "saved")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_the_video_encoder_is_copied_without_its_hidden_files(with_encoder, tmp_path):
    (tmp_path / "clip/.cache").mkdir(parents=True)
    (tmp_path / "clip/config.json").write_text("{}")
    (tmp_path / "clip/.cache/lock").write_text("")
    extractor = with_encoder.config.extractor.replace(weights=str(tmp_path / "clip"))
    model = MMPTModel(with_encoder.config.replace(extractor=extractor), with_encoder.model)
    model.save_pretrained(tmp_path / "saved")
    names = [path.name for path in (tmp_path / "saved/video_encoder").rglob("*")]
    assert names == ["clip", "config.json"]


# Where it may go


def test_a_save_replaces_an_earlier_one(bert, tmp_path):
    for name in ("VideoCLIP", "shared"):
        model_of(name, bert).save_pretrained(tmp_path / "saved", video_encoder=False)
    assert load(tmp_path / "saved").identity.startswith("MMFusionShare")
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]


def test_an_empty_folder_is_taken(bert, tmp_path):
    (tmp_path / "saved").mkdir()
    model_of("shared", bert).save_pretrained(tmp_path / "saved", video_encoder=False)
    assert load(tmp_path / "saved").dim == 48


@pytest.mark.parametrize("file", ["thesis.tex", "sub/notes.txt", ".git/config"])
@pytest.mark.parametrize("saved_before", [False, True])
def test_a_folder_with_other_files_is_refused_and_left_alone(bert, tmp_path, file, saved_before):
    model = model_of("shared", bert)
    if saved_before:
        model.save_pretrained(tmp_path / "saved", video_encoder=False)
    (tmp_path / "saved" / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "saved" / file).write_text("mine")
    with pytest.raises(DataError, match=f"holds {file}, which is no part of a saved model"):
        model.save_pretrained(tmp_path / "saved", video_encoder=False)
    assert (tmp_path / "saved" / file).read_text() == "mine"


def test_a_file_in_its_place_is_refused(bert, tmp_path):
    (tmp_path / "saved").write_text("mine")
    with pytest.raises(DataError, match="saved is a file; give a folder"):
        model_of("shared", bert).save_pretrained(tmp_path / "saved", video_encoder=False)


def test_a_save_that_fails_leaves_the_earlier_one(bert, tmp_path, monkeypatch):
    model_of("shared", bert).save_pretrained(tmp_path / "saved", video_encoder=False)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(saving, "write_manifest", full)
    with pytest.raises(DataError, match="saved cannot be written"):
        model_of("VideoCLIP", bert).save_pretrained(tmp_path / "saved", video_encoder=False)
    assert load(tmp_path / "saved").identity.startswith("MMFusionShare")
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]


def save_until(stop, bert, folder):
    """Begin to save, and be killed where the function ``stop`` would be called."""
    setattr(saving, stop, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
    model_of("shared", bert).save_pretrained(folder, video_encoder=False)


@pytest.mark.parametrize("stop", ["save_weights", "model_card", "write_manifest"])
def test_a_killed_save_leaves_nothing_that_loads_and_the_next_one_tidies_up(bert, tmp_path, start, stop):
    folder = tmp_path / "saved"
    process = start(save_until, stop, bert, folder)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert not folder.exists()
    [left] = tmp_path.iterdir()
    with pytest.raises(CheckpointError, match=r"holds no saved model: mmpt\.json is missing"):
        load(left)
    model_of("shared", bert).save_pretrained(folder, video_encoder=False)
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]


# What may come in


@pytest.fixture
def saved(bert, tmp_path):
    model_of("shared", bert).save_pretrained(tmp_path / "saved", video_encoder=False)
    return tmp_path / "saved"


def as_project(evil):
    """Return keys that make a task a project, one of whose tasks names code."""
    group = {"task_list": ["how2.yaml"], "plugins": [evil]}
    return {"base_dir": "retri/videoclip", "project_dir": "other", "task_group": {"pretrain": group}}


NAMING_CODE = {
    "plugins": lambda evil: {"plugins": [evil]},
    "includes": lambda evil: {"includes": evil},
    "base_dir": as_project,
}


@pytest.mark.parametrize("key", NAMING_CODE)
def test_a_folder_that_names_code_is_refused_before_any_runs(saved, key):
    evil, ran = saved / "evil.py", saved / "ran"
    evil.write_text(f"open({str(ran)!r}, 'w')")
    task = yaml.safe_load((saved / "task.yaml").read_text()) if key != "base_dir" else {}
    (saved / "task.yaml").write_text(yaml.safe_dump(task | NAMING_CODE[key](str(evil))))
    manifest = json.loads((saved / "mmpt.json").read_text())
    manifest["files"]["task.yaml"]["bytes"] = (saved / "task.yaml").stat().st_size
    write_json(saved / "mmpt.json", manifest)
    with pytest.raises(ConfigError, match=f"has the key '{key}': a saved model runs no code"):
        load(saved)
    assert not ran.exists()


def test_missing_and_cut_files_are_named(saved):
    with open(saved / "model.safetensors", "ab") as stream:
        stream.truncate(1000)
    with pytest.raises(CheckpointError, match=r"model\.safetensors has 1000 bytes, and mmpt\.json .* says"):
        load(saved)
    (saved / "bert/tokenizer.json").unlink()
    with pytest.raises(CheckpointError, match=r"tokenizer\.json is missing"):
        load(saved)


@pytest.mark.parametrize("content", ["{", "[]", '{"format": 2}'])
def test_a_manifest_of_another_kind_is_refused(saved, content):
    (saved / "mmpt.json").write_text(content)
    with pytest.raises(CheckpointError, match=r"mmpt\.json"):
        load(saved)


def test_all_files_may_be_read_by_whoever_may_read_new_files(saved):
    files = [path for path in saved.rglob("*") if path.is_file()]
    assert {path.stat().st_mode for path in files} == {(saved / "README.md").stat().st_mode}


def test_an_edited_card_changes_nothing(saved):
    (saved / "README.md").write_text("# My model")
    assert load(saved).dim == 48


def test_a_folder_holds_its_own_weights(saved):
    with pytest.raises(ConfigError, match=r"holds its own weights, and other\.pt was given, too"):
        MMPTModel.from_pretrained(saved, checkpoint="other.pt")


def test_a_task_may_name_a_saved_model_as_its_checkpoint(saved, tmp_path, bert):
    values = {
        "dataset": {"bert_name": str(bert), "max_video_len": 4, "max_len": 16},
        "model": MODELS["shared"],
        "fairseq": {"checkpoint": {"save_dir": str(tmp_path)}},
    }
    (tmp_path / "task.yaml").write_text(yaml.safe_dump(values))
    expected = load(saved).encode_text(TEXTS)
    for checkpoint in (saved, "saved"):
        found, _, _ = MMPTModel.from_pretrained(tmp_path / "task.yaml", checkpoint)
        assert torch.equal(found.encode_text(TEXTS), expected)
    model = build_model(task_of("shared", bert), pretrained=False)
    assert load_into(model, saved).missing == []


def test_a_model_of_labels_knows_how_many_without_its_annotations(bert, tmp_path):
    section = {"model_cls": "MMFusionActionSegmentation", "mm_encoder_cls": "MMBertForTokenClassification"}
    model = model_of("joint", bert, **section, num_labels=7)
    model.config = model.config.replace(model=model.config.model.replace(num_labels=None))
    model.save_pretrained(tmp_path / "saved", video_encoder=False)
    assert load(tmp_path / "saved").model.mm_encoder.num_labels == 7


# The card


@pytest.fixture
def trained(bert, tmp_path):
    """A run: checkpoint, metrics, configuration, and results of this and of another checkpoint."""
    run = tmp_path / "runs/mine"
    (run / "eval").mkdir(parents=True)
    values = {
        "dataset": {
            "bert_name": str(bert),
            "max_video_len": 4,
            "max_len": 16,
            "train_path": str(tmp_path / "secret/how2_train.lst"),
            "vfeat_dir": str(tmp_path / "secret/features"),
        },
        "model": MODELS["VideoCLIP"],
        "loss": {"loss_cls": "MMContraLoss"},
        "fairseq": {"checkpoint": {"save_dir": str(run)}, "optimization": {"lr": [5e-5], "max_epoch": 25}},
    }
    (tmp_path / "task.yaml").write_text(yaml.safe_dump(values))
    (run / "config.yaml").write_text(yaml.safe_dump(values))
    torch.save(model_of("VideoCLIP", bert).model.state_dict(), run / "checkpoint_best.pt")
    lines = [("train", 20, 3.5), ("valid", 90, 3.25), ("train", 100, 2.5), ("valid", 180, 3.75)]
    (run / "metrics.jsonl").write_text(
        "".join(json.dumps({"split": s, "update": u, "epoch": 1, "loss": v}) + "\n" for s, u, v in lines)
    )
    for name, digest, value in (("best", sha256(run / "checkpoint_best.pt"), 0.456), ("old", "0", 0.123)):
        result = {
            "format": 1,
            "split": "test",
            "metrics": {"R1": {"value": value, "baseline": 0.006, "percent": True}},
            "counts": {"queries": 165},
            "selected_from": 1,
            "checkpoint": {"path": "x", "sha256": digest},
            "config": {"dataset": {"meta_processor": "YoucookMetaProcessor", "test_path": "data/val.pkl"}},
        }
        write_json(run / f"eval/{name}.result.json", result)
    return tmp_path / "task.yaml"


def test_the_card_tells_of_training_results_licence_and_files(trained, tmp_path):
    model, _, _ = MMPTModel.from_pretrained(trained)
    model.save_pretrained(tmp_path / "saved", licence="cc-by-nc-4.0", video_encoder=False)
    card = (tmp_path / "saved/README.md").read_text()
    head = yaml.safe_load(card.split("---")[1])
    assert head["license"] == "cc-by-nc-4.0"
    for line in (
        "| data | how2_train.lst |",
        "| loss | MMContraLoss |",
        "| max_epoch | 25 |",
        "| updates | 100 |",
        "| best validation loss | 3.25, after 90 updates |",
        "| YoucookMetaProcessor, val.pkl (test) | R@1 | 45.6 % | 0.6 % | 165 queries |",
        f"`{sha256(tmp_path / 'saved/model.safetensors')}` |",
        f"{sum(p.numel() for p in model.model.parameters()):,} parameters; `{model.identity}`",
    ):
        assert line in card, line
    assert "12.3 %" not in card  # of another checkpoint
    assert "secret" not in card + (tmp_path / "saved/mmpt.json").read_text()


def test_a_model_that_is_saved_again_keeps_its_history(trained, tmp_path):
    model, _, _ = MMPTModel.from_pretrained(trained)
    model.save_pretrained(tmp_path / "one", licence="mit", video_encoder=False)
    load(tmp_path / "one").save_pretrained(tmp_path / "two", video_encoder=False)
    for file in ("README.md", "mmpt.json", "model.safetensors", "task.yaml"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes(), file


def test_a_card_claims_nothing_that_is_not_known(saved):
    card = (saved / "README.md").read_text()
    assert "## Training\n\nNot recorded." in card
    assert "None were found beside the checkpoint." in card
    assert "Not stated: ask whoever gave you these weights." in card


# The hub


def test_a_push_uploads_what_a_save_writes(with_encoder, tmp_path, monkeypatch):
    calls = []

    class Api:
        def __init__(self, token=None):
            calls.append(("token", token))

        def create_repo(self, repo_id, private, exist_ok):
            calls.append((repo_id, private, exist_ok))
            return f"https://hub.example/{repo_id}"

        def upload_folder(self, repo_id, folder_path, commit_message):
            shutil.copytree(folder_path, tmp_path / "uploaded")

    monkeypatch.setattr(hub, "HfApi", Api)
    address = with_encoder.push_to_hub("me/clip", licence="mit", token="t")
    assert address == "https://hub.example/me/clip"
    assert calls == [("token", "t"), ("me/clip", True, True)]
    assert load(tmp_path / "uploaded").identity == with_encoder.identity
    assert modelfolder.read_manifest(tmp_path / "uploaded")["licence"] == "mit"
