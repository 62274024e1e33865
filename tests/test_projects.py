"""Every shipped YAML: it says how to launch it, it is right, and its project expands."""

from itertools import takewhile
from pathlib import Path

import pytest

from mmpt.config.project import PROJECTS, expand, is_project, load_project
from mmpt.config.validate import check_file
from mmpt_cli.project import stages

ROOT = Path(__file__).parent.parent
PUBLISHED = ["mfmmlm", "mtm/mmfusionmtm", "mtm/vlm", "retri/videoretri", "retri/videoclip"]
TEMPLATES = sorted((ROOT / PROJECTS / "task").glob("*.yaml"))
# Templates and project files are shipped; what a project expands to is generated.
SHIPPED = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / PROJECTS).rglob("*.yaml")
    if not path.read_text().startswith("# Expanded from")
)


@pytest.fixture(autouse=True)
def _in_the_repository(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("path", SHIPPED)
def test_a_shipped_file_has_no_error(path):
    assert [str(problem) for problem in check_file(path)] == []


@pytest.mark.parametrize("path", SHIPPED)
def test_a_shipped_file_begins_with_how_to_launch_it(path):
    lines = (ROOT / path).read_text().splitlines()
    head = "\n".join(takewhile(lambda line: line.startswith("#"), lines))
    assert "python locallaunch.py" in head or "not launched by itself" in head or "make demo" in head


@pytest.mark.parametrize("path", [path for path in SHIPPED if "/task/" not in path])
def test_a_project_expands_and_its_stages_are_its_tasks(path):
    assert is_project(path)
    tasks = expand(path)
    folder = f"{PROJECTS}/{load_project(path).project_dir}"
    listed = [task for stage in stages(path) for task in stage]
    assert len(set(listed)) == len(listed)
    assert {Path(task).name for task in listed} <= tasks.keys()
    assert {Path(task).parent.as_posix() for task in listed} == {folder}


@pytest.mark.parametrize("path", PUBLISHED)
def test_run_runs_every_task_of_a_published_project(path):
    listed = {Path(task).name for stage in stages(f"{PROJECTS}/{path}.yaml") for task in stage}
    assert listed == expand(f"{PROJECTS}/{path}.yaml").keys()


@pytest.mark.parametrize("name", ["default", "ft", "test"])
def test_the_common_templates_exist(name):
    assert ROOT / PROJECTS / "task" / f"{name}.yaml" in TEMPLATES
