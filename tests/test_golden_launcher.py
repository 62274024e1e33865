"""Expansion of the shipped projects and the commands of their jobs, as recorded from the original."""

import json
from pathlib import Path

import pytest

from mmpt.config.includes import merge_layers
from mmpt.config.project import expand

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
