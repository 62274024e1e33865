"""mmpt info: versions, extras and models, for people and as JSON."""

import importlib.metadata
import json
import runpy
from pathlib import Path

import pytest
import setuptools
import torch

import mmpt
from mmpt_cli import info

ROOT = Path(__file__).parents[2]


def test_every_extra_says_what_it_gives(monkeypatch):
    caught = {}
    monkeypatch.setattr(setuptools, "setup", caught.update)
    runpy.run_path(str(ROOT / "setup.py"))
    assert list(caught["extras_require"]) == list(info.EXTRAS)


def test_json_and_text_tell_the_same(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert info.main(["--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["versions"]["mmpt"] == mmpt.__version__
    assert facts["versions"]["torch"] == torch.__version__
    assert len(facts["gpus"]) == torch.cuda.device_count()
    assert set(facts["models"]) == {"VideoCLIP", "VLM", "demo"}
    assert info.main([]) == 0
    text = capsys.readouterr().out
    assert f"torch {torch.__version__}" in text
    for name in [*facts["extras"], *facts["models"]]:
        assert f"\n  {name:12s}" in text


def test_an_extra_names_the_packages_that_it_lacks(monkeypatch):
    requirements = [
        "torch>=2.6",
        'av>=14; extra == "extract"',
        "pillow>=10 ; extra == 'extract'",
        'ray; extra == "ray"',
    ]
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: requirements)
    monkeypatch.setattr(info, "_version", lambda name: None if name == "av" else "1")
    extras = info._extras()
    assert (extras["extract"], extras["ray"], extras["slurm"]) == (["av"], [], None)
    facts = info.collect() | {"extras": extras}
    lines = info._lines(facts)
    assert "  extract     lacks av: pip install 'mmpt[extract]' (features of video files)" in lines
    assert "  ray         installed (extraction on a Ray cluster)" in lines
    assert any(line.startswith("  slurm       unknown to this installation") for line in lines)


@pytest.fixture
def model(tmp_path, tiny_bert, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "task.yaml").write_text(
        f"dataset: {{bert_name: {tiny_bert}}}\nextractor: {{weights: s3d.pth}}\n"
        "fairseq: {checkpoint: {save_dir: runs/mine}}\n"
    )
    monkeypatch.setattr(info, "MODELS", {"mine": ("task.yaml", "make mine")})
    return tmp_path


def test_a_model_lacks_its_checkpoint_and_weights_until_they_are_there(model):
    facts = info.collect()
    assert facts["models"]["mine"] == ["checkpoint, runs/mine/checkpoint_best.pt", "S3D weights, s3d.pth"]
    assert "  mine        not ready: task.yaml" in info._lines(facts)
    assert info._lines(facts)[-1].strip() == "next: make mine"
    (model / "s3d.pth").touch()
    (model / "runs/mine").mkdir(parents=True)
    (model / "runs/mine/checkpoint_best.pt").touch()
    assert info._lines(info.collect())[-1] == "  mine        ready: task.yaml"


def test_a_folder_without_projects_is_no_failure(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert info.main([]) == 0
    assert "projects/demo/how2.yaml does not exist" in capsys.readouterr().out
