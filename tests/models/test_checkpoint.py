"""Checkpoints: every format gives the same weights, and no file runs code."""

import argparse
import os
import pickle

import pytest
import torch
from safetensors.torch import save_file

from mmpt.errors import CheckpointError
from mmpt.models import load_into, load_state_dict
from mmpt.models.checkpoint import weights_digest


class Towers(torch.nn.Module):
    def __init__(self, words=6, width=3):
        super().__init__()
        self.word_embeddings = torch.nn.Embedding(words, width)
        self.first = torch.nn.Linear(width, 2)
        self.second = torch.nn.Linear(2, 2)


@pytest.fixture
def trained():
    return Towers().state_dict()


def save(form, state, folder):
    path = folder / ("model.safetensors" if form == "safetensors" else "model.pt")
    if form == "safetensors":
        save_file(state, path)
    elif form == "plain":
        torch.save(state, path)
    else:
        prefixed = {f"mmmodel.{key}": value for key, value in state.items()}
        torch.save({"args": argparse.Namespace(lr=0.1), "cfg": {"a": 1}, "model": prefixed}, path)
    return path


@pytest.mark.parametrize("form", ["fairseq", "plain", "safetensors"])
def test_every_format_loads_alike(form, trained, tmp_path):
    path = save(form, trained, tmp_path)
    assert load_state_dict(path).keys() == trained.keys()
    model = Towers()
    report = load_into(model, path)
    assert report.missing == report.unexpected == []
    for key, value in model.state_dict().items():
        assert torch.equal(value, trained[key])


def test_half_precision_weights_load_into_single_precision(trained, tmp_path):
    model = Towers()
    load_into(model, save("plain", {key: value.half() for key, value in trained.items()}, tmp_path))
    assert model.first.weight.dtype == torch.float32
    torch.testing.assert_close(model.first.weight, trained["first.weight"].half().float())


def test_what_does_not_fit_is_reported_and_logged(trained, tmp_path, caplog):
    trained["third.weight"] = trained.pop("second.weight")
    trained["embeddings.position_ids"] = torch.arange(3)  # a buffer of old versions; means nothing
    report = load_into(Towers(), save("plain", trained, tmp_path))
    assert report.missing == ["second.weight"]
    assert report.unexpected == ["third.weight"]
    assert "lacks second.weight" in caplog.text
    assert "holds third.weight, unused by Towers" in caplog.text


def test_an_incomplete_checkpoint_is_refused_where_all_is_needed(trained, tmp_path):
    del trained["second.weight"]
    with pytest.raises(
        CheckpointError, match=r"lacks 1 tensors of Towers: second.weight. They would stay random"
    ):
        load_into(Towers(), save("plain", trained, tmp_path), complete=True)


def test_a_checkpoint_of_another_model_says_how_little_matches(trained, tmp_path):
    other = {f"encoder.{key}": value for key, value in trained.items() if key != "first.bias"}
    other["first.bias"] = trained["first.bias"]
    model = Towers()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    message = (
        r"belongs to another model: 1 of the 5 tensors .* Missing: first.weight, second.bias.* and 1 more"
    )
    with pytest.raises(CheckpointError, match=message):
        load_into(model, save("plain", other, tmp_path))
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_another_vocabulary_is_named_with_both_sizes(trained, tmp_path):
    with pytest.raises(CheckpointError, match=r"vocabulary of 6 words and dataset.bert_name has 9"):
        load_into(Towers(words=9), save("plain", trained, tmp_path))


def test_other_shapes_are_named(trained, tmp_path):
    with pytest.raises(CheckpointError, match=r"other shapes .* first.weight \(2, 3\) for \(2, 4\)"):
        load_into(Towers(width=4), save("plain", trained, tmp_path))


class RunsCode:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return (os.system, (self.command,))


@pytest.mark.parametrize("write", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content))])
def test_a_hostile_file_is_refused_and_runs_nothing(write, trained, tmp_path):
    witness = tmp_path / "it-ran"
    path = tmp_path / "checkpoint_best.pt"
    write({"model": trained, "args": RunsCode(f"touch {witness}")}, path)
    with pytest.raises(CheckpointError, match="could run code"):
        load_state_dict(path)
    assert not witness.exists()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"none\.pt does not exist"):
        load_state_dict(tmp_path / "none.pt")


@pytest.mark.parametrize("form", ["plain", "safetensors"])
@pytest.mark.parametrize("size", [0, 10, -10])
def test_a_truncated_file_is_named(form, size, trained, tmp_path):
    path = save(form, trained, tmp_path)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(CheckpointError, match=str(path)):
        load_state_dict(path)


@pytest.mark.parametrize("content", [{}, {"model": {}}, {"epoch": 3}, [torch.zeros(2)], {"model": {"a": 1}}])
def test_a_file_without_weights_is_refused(content, tmp_path):
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(CheckpointError, match="holds no state dict"):
        load_state_dict(tmp_path / "x.pt")


def test_a_text_file_is_no_checkpoint(tmp_path):
    (tmp_path / "x.pt").write_text("hello world " * 9)  # "h" is an instruction of pickle
    with pytest.raises(CheckpointError, match=r"x\.pt cannot be read \(KeyError\)"):
        load_state_dict(tmp_path / "x.pt")


def test_reading_weights_leaves_what_the_process_allows_to_load(trained, tmp_path):
    torch.save(trained, tmp_path / "x.pt")
    # Not safe_globals(): at its end it would take the class from the fairseq plugin, too.
    torch.serialization.add_safe_globals([argparse.Namespace])
    load_state_dict(tmp_path / "x.pt")
    assert argparse.Namespace in torch.serialization.get_safe_globals()


def test_a_folder_in_place_of_a_checkpoint_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"cannot be read \(Is a directory\); check the path"):
        load_state_dict(tmp_path)


def test_a_digest_changes_with_every_weight_in_any_precision():
    model = torch.nn.Linear(2, 1).to(torch.bfloat16)
    same = weights_digest(model)
    assert weights_digest(model) == same
    with torch.no_grad():
        model.bias += 1
    assert weights_digest(model) != same
