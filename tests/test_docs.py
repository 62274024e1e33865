"""Every command and example of the documentation runs, on a small workspace with the shipped layout."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, BertForMaskedLM

from mmpt.demo.scene import scene_of
from mmpt.demo.videofile import RenderJob, write_video
from mmpt.encoders.s3d import S3D
from mmpt.models.build import build_model
from mmpt.utils import load_config

ROOT = Path(__file__).parent.parent
DOCUMENTS = ("README.md", "CONFIG.md", "DATASET.md", "CONTRIBUTING.md")


def snippets(document, language):
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / document).read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory, tiny_bert):
    """The top folder as a user has it: the checkout's files, official weights (random), two short videos."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("mmpt", "mmpt_cli", "scripts", "locallaunch.py", "Makefile", "setup.py", "requirements"):
        (folder / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "projects", folder / "projects", ignore=shutil.ignore_patterns("demo"))
    torch.manual_seed(0)
    (folder / "pretrained_models").mkdir()
    torch.save(S3D(text_module=False).state_dict(), folder / "pretrained_models/s3d_howto100m.pth")
    bert = folder / "bert-base-uncased"
    shutil.copytree(tiny_bert, bert)
    BertForMaskedLM(AutoConfig.from_pretrained(tiny_bert, num_hidden_layers=12)).save_pretrained(bert)
    captions = {}
    for index in range(2):
        scene = scene_of(0, index)
        write_video(RenderJob(folder / f"data/how2/videos/{scene.video_id}.mp4", scene, end=2.0), size=32)
        captions[scene.video_id] = {"start": [0.0, 1.0], "end": [1.0, 2.0], "text": ["now cut", "cut bread"]}
    (folder / "data/how2/raw_caption.json").write_text(json.dumps(captions))
    return folder


def run(code, folder, **environment):
    environment.setdefault("PYTHONPATH", str(ROOT))
    done = subprocess.run(
        code, cwd=folder, capture_output=True, text=True, env={**os.environ, **environment}, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_shell_commands_run_in_their_order(document, workspace):
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for block in snippets(document, "bash"):
        # What takes minutes (targets of make, whole projects) is only looked up.
        dry = re.sub(r"^make ", "make -n ", block, flags=re.MULTILINE).replace(" --run", " --run --dryrun")
        run(["bash", "-euo", "pipefail", "-c", dry], workspace, PATH=path)


def test_the_examples_of_the_readme_print_scores(workspace, monkeypatch):
    monkeypatch.chdir(workspace)
    task = "projects/retri/videoclip/how2.yaml"
    checkpoint = workspace / "runs/retri/videoclip/checkpoint_best.pt"
    checkpoint.parent.mkdir(parents=True)
    state = build_model(load_config(task)).state_dict()
    torch.save({"model": {f"mmmodel.{name}": value for name, value in state.items()}}, checkpoint)
    first, *others = snippets("README.md", "python")
    assert task in first
    printed = run([sys.executable, "-c", "\n".join([first, *others])], workspace)
    number = r"-?\d+\.\d+"
    assert re.search(rf"tensor\(\[{number}\]\)", printed)  # one pair
    assert re.search(rf"tensor\(\[\[\s*{number}\],\s*\[\s*{number}\]\]\)", printed)  # two texts, one video


def test_the_readme_names_the_two_commands_on_its_first_screen():
    first_screen = (ROOT / "README.md").read_text().splitlines()[:40]
    assert any(line.startswith("make demo") for line in first_screen)
    assert any(line.startswith("make test") for line in first_screen)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_a_document_names_exists(document):
    text = (ROOT / document).read_text()
    for name in set(re.findall(r"`((?:mmpt|mmpt_cli|scripts|tests|projects/task)/[\w/.]+)`", text)):
        assert (ROOT / name).exists(), f"{document} names {name}"
