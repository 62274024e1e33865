"""Every command and example of the documents runs, in one workspace with the shipped layout.

A document is read like this:

- ``bash`` blocks run in their order, each in a shell of its own; the page of a server is read. What takes
  minutes (targets of make, whole projects) is only looked up; what needs files that nobody can ship, or
  machines, stands in ``text`` blocks. Of these, and of commands in the text, the options are looked up.
- ``python`` blocks run after them: all of a document are one script, ``example.py``.
- ``<!-- file: PATH... -->`` before a block: what it shows is in these files before anything runs.
- ``<!-- output -->`` before a block: its lines are among those that the block before it printed, in their
  order; numbers may differ, and ``...`` stands for any lines.
"""

import ast
import importlib
import json
import os
import pickle
import re
import shlex
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from other_folder import forget_files
from transformers import AutoConfig, BertForMaskedLM

from mmpt.catalog import META_PROCESSORS
from mmpt.config import load_task
from mmpt.datasets import build_dataset
from mmpt.demo.scene import scene_of
from mmpt.demo.videofile import RenderJob, write_video
from mmpt.encoders.s3d import S3D
from mmpt.models.build import build_model
from mmpt_cli.main import COMMANDS

ROOT = Path(__file__).parent.parent
DOCUMENTS = ["README.md", "CONFIG.md", "DATASET.md", "CONTRIBUTING.md"]
DOCUMENTS += sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))


class Block(NamedTuple):
    mark: str
    """What the comment before it says: ``output``, ``file: PATH...``, or nothing."""
    language: str
    text: str


def blocks(document):
    text = (ROOT / document).read_text()
    found = re.findall(
        r"^(?:<!-- (output|file: .+?) -->\n)?```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL
    )
    assert len(found) * 2 == len(re.findall(r"^```", text, re.MULTILINE)), f"{document}: an odd block"
    return [Block(*each) for each in found]


def write_files(document, folder):
    """Write the files that a document shows; one that ends in ``.pkl`` is shown as what it holds."""
    for block in blocks(document):
        for name in block.mark.split()[1:]:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            content = block.text.encode()
            path.write_bytes(pickle.dumps(ast.literal_eval(block.text)) if path.suffix == ".pkl" else content)


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
    for project in ("retri/videoclip", "mtm/vlm"):
        add_checkpoint(folder, project)
    captions = {}
    for index, name in enumerate(("kitchen01", "kitchen02")):
        scene = scene_of(0, index)
        write_video(RenderJob(folder / f"my_videos/{name}.mp4", scene, end=1.0), size=32)
        write_video(RenderJob(folder / f"data/how2/videos/{scene.video_id}.mp4", scene, end=2.0), size=32)
        captions[scene.video_id] = {"start": [0.0, 1.0], "end": [1.0, 2.0], "text": ["now cut", "cut bread"]}
    (folder / "data/how2/raw_caption.json").write_text(json.dumps(captions))
    forget_files()
    yield folder
    forget_files()


def add_checkpoint(folder, project):
    """Write random weights where the official ones of a project belong."""
    here = Path.cwd()
    os.chdir(folder)
    try:
        state = build_model(load_task(f"projects/{project}/how2.yaml"), pretrained=False).state_dict()
    finally:
        os.chdir(here)
    path = folder / "runs" / project / "checkpoint_best.pt"
    path.parent.mkdir(parents=True)
    torch.save({"model": {f"mmmodel.{name}": value for name, value in state.items()}}, path)


@pytest.fixture
def environment(document, programs):
    """Variables of the shells: programs of the README start as a user's do, others in less time."""
    first = [] if document == "README.md" else [str(programs)]
    path = os.pathsep.join([*first, str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**os.environ, "PYTHONPATH": str(ROOT), "PATH": path}


def run(shell, folder, environment):
    command = ["bash", "-euo", "pipefail", "-c", shell]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def look_at_the_page(command, folder, environment):
    """Start a server on a free port, read its page, and stop it as Ctrl-C does."""
    with subprocess.Popen(
        ["bash", "-c", f"exec {command.partition('#')[0]} --port 0"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        address = re.search(r"http://\S+", server.stdout.readline())
        try:
            assert address, "the server did not say where it is"
            with urllib.request.urlopen(address[0]) as answer:
                assert b"<title>" in answer.read()
        finally:
            server.send_signal(signal.SIGINT)
    assert server.returncode in (0, 130)


def assert_printed(expected, printed):
    """Assert that the lines of a shown output were printed in their order, numbers aside."""
    lines = iter(plain(line) for line in printed.splitlines())
    for line in filter(None, map(plain, expected.splitlines())):
        assert line == "..." or line in lines, f"'{line}' is not in:\n{printed}"


def plain(line):
    return " ".join(re.sub(r"-?\d+(\.\d+)?", "#", line).split())


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_commands_and_examples_run_in_their_order(document, workspace, environment):
    write_files(document, workspace)
    printed = ""
    for block in blocks(document):
        if block.mark == "output":
            assert_printed(block.text, printed)
        elif block.text.startswith("mmpt serve"):
            look_at_the_page(block.text, workspace, environment)
        elif block.language == "bash" and not block.mark:
            dry = re.sub(r"^make ", "make -n ", block.text, flags=re.MULTILINE)
            printed = run(dry.replace(" --run", " --run --dryrun"), workspace, environment)
    script = "\n".join(each.text for each in blocks(document) if each.language == "python" and not each.mark)
    if script:
        (workspace / "example.py").write_text(script)
        run("python example.py", workspace, environment)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_that_are_only_named_exist_with_their_options(document):
    for command in re.findall(
        r"(?:^(?:\$ )?|`)(mmpt [a-z][^`\n]*)", (ROOT / document).read_text(), re.MULTILINE
    ):
        name, *words = shlex.split(command, comments=True)[1:]
        assert name in COMMANDS, f"{document} names {command}"
        known = options_of(importlib.import_module(f"mmpt_cli.{name}").make_parser())
        assert [word for word in words if word.startswith("--") and word not in known] == [], document


def options_of(parser):
    """Return the options of a command and of the commands inside it."""
    inside = (
        [each for action in parser._subparsers._group_actions for each in action.choices.values()]
        if parser._subparsers
        else []
    )
    return set(parser._option_string_actions).union(*map(options_of, inside))


def test_the_readme_names_the_two_commands_on_its_first_screen():
    first_screen = (ROOT / "README.md").read_text().splitlines()[:40]
    assert any(line.startswith("make demo") for line in first_screen)
    assert any(line.startswith("make test") for line in first_screen)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_and_section_that_a_document_names_exists(document):
    text = (ROOT / document).read_text()
    for name in set(re.findall(r"`((?:mmpt|mmpt_cli|scripts|tests|projects/task|docs)/[\w/.-]+)`", text)):
        assert (ROOT / name).exists(), f"{document} names {name}"
    for target in set(re.findall(r"\]\((?!http)([^)]+)\)", text)):
        path, _, section = target.partition("#")
        file = (ROOT / document).parent / path if path else ROOT / document
        assert file.exists(), f"{document} links to {target}"
        assert not section or section in anchors(file.read_text()), f"{document} links to {target}"


def test_every_extra_is_explained():
    extras = re.findall(r'^    "(\w+)": \[', (ROOT / "setup.py").read_text(), re.MULTILINE)
    explained = (ROOT / "docs" / "install.md").read_text()
    assert [extra for extra in extras if f"`{extra}`" not in explained] == []


def anchors(text):
    """Return the names of the sections of a document, as GitHub makes them of its headings."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


FINE_TUNED = ("vtt", "youcook", "youcookcap", "crosstask", "coin", "folder")
SPLITS = [
    *((name, split) for name in FINE_TUNED for split in ("train", "valid")),
    *((f"test_{name}", "test") for name in (*FINE_TUNED, "vttqa", "didemo_zs")),
]


@pytest.mark.parametrize(("template", "split"), SPLITS)
def test_the_samples_of_dataset_md_are_what_the_processors_read(template, split, workspace, monkeypatch):
    monkeypatch.chdir(workspace)
    write_files("DATASET.md", workspace)
    config = load_task(f"projects/task/{template}.yaml")
    if "crosstask" in template:  # the sample has two videos to choose from
        config = config.replace(dataset=config.dataset.replace(n_train=1))
    section = config.dataset.replace(split=split, vfeat_dir=None)
    listed = META_PROCESSORS.get(section.meta_processor)(section)
    for video_id, _ in listed:  # a name, (name, start, end), or (task, name)
        name = video_id if isinstance(video_id, str) else video_id["crosstask" in template]
        path = Path(config.dataset.vfeat_dir, f"{name}.npy")
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, np.zeros((64, 512), np.float16))
    dataset = build_dataset(config, split)
    assert len(dataset) == len(listed) > 0
    assert dataset.report["dropped"] == dataset.report["ignored"] == {}
    assert all(len(dataset[index]["vfeats"]) for index in range(len(dataset)))
