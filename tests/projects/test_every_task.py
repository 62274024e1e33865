"""Each task of each published project runs on the demo world: two updates of training, or a full test.

Only sizes are changed; the paths, classes, losses and checkpoints are those of the shipped files.
"""

import contextlib
import json
import math
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TASKS = [
    (project, file)
    for project, tasks in json.loads((ROOT / "tests/golden/launcher.json").read_text())["projects"].items()
    for file in sorted(tasks)
]
TESTS = [each for each in TASKS if each[1].startswith("test_")]
TRAININGS = [each for each in TASKS if each not in TESTS]

pytestmark = pytest.mark.fairseq


@pytest.fixture(autouse=True)
def _in_the_workspace(workspace):
    with contextlib.chdir(workspace):
        yield


def test_the_five_projects_have_76_tasks():
    assert len(TASKS) == 76


@pytest.mark.parametrize(("project", "file"), TRAININGS)
def test_a_task_trains(mini, project, file):
    losses = mini.run(project, file)
    assert len(losses) == 2
    assert all(map(math.isfinite, losses))
    assert max(losses) > min(losses, default=0) >= 0  # a last batch of one pair loses 0


@pytest.mark.parametrize(("project", "file"), TESTS)
def test_a_task_is_evaluated(mini, project, file):
    results = mini.run(project, file)
    assert {"checkpoint_best"} <= {result.name for result in results}
    for result in results:
        assert result.metrics
        assert sum(result.counts.values()) > 0
        assert all(math.isfinite(m.value) and math.isfinite(m.baseline) for m in result.metrics.values())
