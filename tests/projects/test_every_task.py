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
def test_a_task_trains_from_the_checkpoint_that_it_names(mini, project, file):
    losses = [loss for _, loss in mini.run(project, file)]
    assert len(losses) == 2
    assert all(map(math.isfinite, losses))
    assert max(losses) > min(losses) >= 0  # a last batch of one pair loses 0


@pytest.mark.parametrize(("project", "file"), TESTS)
def test_a_task_is_evaluated(mini, project, file):
    check_results(mini.run(project, file), mini.values(project, file))


def check_results(results, values):
    wanted = Path(values["fairseq"]["common_eval"]["path"])
    assert wanted.stem in {result.name for result in results}
    for result in results:
        assert Path(result.checkpoint["path"]).parent == wanted.parent
        assert result.checkpoint["unused_tensors"] < 20  # the heads of pre-training, not the model
        assert result.metric == values["metric"]
        assert result.metrics
        assert all(math.isfinite(m.value) and math.isfinite(m.baseline) for m in result.metrics.values())
        assert all(number > 0 for number in result.counts.values())
        assert not result.skipped


@pytest.mark.parametrize(
    ("project", "file", "items"),
    [
        ("mtm/vlm", "test_vtt.yaml", "queries"),
        ("mtm/vlm", "test_vttqa.yaml", "questions"),
        ("mtm/vlm", "test_youcook.yaml", "queries"),
        ("mtm/vlm", "test_youcookcap.yaml", "clips"),
        ("mtm/vlm", "test_coin.yaml", "videos"),
        ("mtm/vlm", "test_crosstask.yaml", "videos"),
        ("retri/videoclip", "test_didemo_zs.yaml", "sentences"),
    ],
)
def test_what_is_predicted_and_what_is_left_out_make_the_whole_list(mini, project, file, items):
    listed = mini.run(project, file)[0]
    folder = Path(mini.values(project, file)["eval"]["save_path"])
    video = json.loads((folder / f"{listed.name}.ids.json").read_text())[0]
    feature = Path(f"data/feat/all/{video}.npy")
    hidden = feature.rename("hidden.npy")
    try:
        found = mini.evaluate_again(project, file)
    finally:
        hidden.rename(feature)
    for result in found:
        assert sum(result.skipped.values()) > 0
        assert result.counts[items] + sum(result.skipped.values()) == listed.counts[items]


@pytest.mark.slow
@pytest.mark.parametrize(("project", "file"), TRAININGS)
def test_a_task_learns_in_all_its_epochs(whole, project, file):
    losses = [loss for _, loss in whole.run(project, file)]
    part = max(len(losses) // 5, 1)
    assert sum(losses[-part:]) < sum(losses[:part])


@pytest.mark.slow
@pytest.mark.parametrize(("project", "file"), TESTS)
def test_a_task_is_evaluated_after_all_epochs(whole, project, file):
    check_results(whole.run(project, file), whole.values(project, file))
