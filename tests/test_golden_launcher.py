"""Expansion of the shipped projects and the commands of their jobs, as recorded from the original."""

import json
from pathlib import Path

import pytest

import locallaunch
from mmpt.config.includes import merge_layers
from mmpt.config.project import expand
from mmpt_cli.localjob import JOB_TYPES

ROOT = Path(__file__).parent.parent
RECORD = json.loads((ROOT / "tests/golden/launcher.json").read_text())
# The original names a class that never existed; ours is the one it must have meant.
RENAMED = {"MMFusionForMFMMLM": "MMBertForMFMMLM"}
CONFIGS = [(project, file) for project, files in RECORD["projects"].items() for file in files]


@pytest.fixture(scope="module")
def expanded():
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        return {project: expand(f"projects/{project}.yaml") for project in RECORD["projects"]}


@pytest.mark.parametrize("project", RECORD["projects"])
def test_a_project_expands_to_the_recorded_files(expanded, project):
    assert sorted(expanded[project]) == sorted(RECORD["projects"][project])


@pytest.mark.parametrize(("project", "file"), CONFIGS)
def test_an_expanded_task_equals_the_recorded_one(expanded, project, file):
    recorded = RECORD["projects"][project][file]
    model = {key: RENAMED.get(value, value) for key, value in recorded["model"].items()}
    ours = merge_layers(expanded[project][file])
    assert ours == {**recorded, "model": model}
    # The command lists the options in this order.
    assert json.dumps(ours["fairseq"]) == json.dumps(recorded["fairseq"])


@pytest.mark.parametrize("case", RECORD["commands"])
def test_a_command_equals_the_recorded_one(case, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    path, job_type = case.split()
    assert locallaunch.main([f"projects/{path}", "--jobtype", job_type, "--dryrun"]) == 0
    assert capsys.readouterr().out.rstrip("\n") == RECORD["commands"][case]


@pytest.mark.parametrize("size", ["small", "big"])
def test_the_job_types_of_the_cluster_run_as_local_ones(size):
    # Every shipped training task says sweep_*, which names no job of the original's local launcher.
    assert JOB_TYPES[f"sweep_{size}"] == JOB_TYPES[f"local_{size}"]
