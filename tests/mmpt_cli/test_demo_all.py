"""``make demo-all``: its stages in order, and its table; the whole of it in the slow tier."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from mmpt.demo.tasks import ENTRIES
from mmpt.evaluators.results import EvaluationResult, MetricValue, read_result, write_result
from mmpt_cli import demo_all
from mmpt_cli.demo_stages import Stage
from mmpt_cli.project import stages

ROOT = Path(__file__).parents[2]


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """An empty working directory with the shipped projects and encoder."""
    shutil.copytree(ROOT / "projects", tmp_path / "projects", ignore=shutil.ignore_patterns("demo"))
    (tmp_path / "pretrained_models").symlink_to(ROOT / "pretrained_models")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_results(tasks):
    """Stand in for the tests among ``tasks``: 10 % is trivial, 40 % zero-shot, 80 % fine-tuned."""
    folders = {Path(task).stem.removeprefix("test_").removesuffix("_videoclip") for task in tasks}
    for entry in ENTRIES:
        for path, value in ((entry.zero_shot, 0.4), (entry.fine_tuned, 0.8)):
            if path is None or f"projects/{path.parts[1]}" not in {str(Path(t).parent) for t in tasks}:
                continue
            if path.parts[2] in folders:
                before = read_result(path).metrics if path.exists() else {}
                metrics = {**before, entry.metric: MetricValue(value, 0.1, True)}
                write_result(path, replace(EMPTY, metrics=metrics, counts={entry.count.split()[-1]: 400}))


EMPTY = EvaluationResult(
    name="checkpoint_best",
    split="test",
    predictor="RetrievalPredictor",
    metric="RetrievalMetric",
    metrics={},
    counts={},
    skipped={},
    features={},
    checkpoint=None,
    code={},
    device="cpu",
    predictions={},
    date="",
    details={"most_predicted_class": {"share": 0.9}, "seconds": {"foreground": 370}},
)


def test_all_stages_run_in_order_and_every_row_of_the_table_is_filled(workspace, monkeypatch, capfd):
    ran = []
    monkeypatch.setattr(demo_all, "data_stages", lambda *_: [Stage("make data", lambda: ran.append("data"))])
    monkeypatch.setattr(
        demo_all, "run_tasks", lambda tasks, record: (ran.append(tasks), write_results(tasks))
    )
    assert demo_all.main([]) == 0
    assert ran == ["data", *(stage for path in demo_all.PROJECTS for stage in stages(path))]
    assert (workspace / "projects/demo_vlm/youcookcap.yaml").exists()
    table = capfd.readouterr().out.split("== table\n")[1]
    for entry in ENTRIES:
        assert f"{entry.model}" in table
        assert entry.task in table
    assert table.count("80.0 %") == sum(entry.fine_tuned is not None for entry in ENTRIES)
    assert table.count("40.0 %") == sum(entry.zero_shot is not None for entry in ENTRIES)
    assert (workspace / "runs/demo_all/table.txt").read_text() in table
    assert "80.0 %" in (workspace / "runs/demo_all/report.html").read_text()


@pytest.mark.slow
@pytest.mark.fairseq
def test_the_whole_demo_climbs_from_trivial_to_zero_shot_to_fine_tuned(workspace):
    assert demo_all.main([]) == 0
    for entry in ENTRIES:
        steps = [
            read_result(path).metrics[entry.metric] for path in (entry.zero_shot, entry.fine_tuned) if path
        ]
        values = [steps[0].baseline, *(step.value for step in steps)]
        if "zero_shot_low" in entry.reasons:  # the table says why
            values.pop(1)
        assert values == sorted(set(values)), (entry.model, entry.task)
