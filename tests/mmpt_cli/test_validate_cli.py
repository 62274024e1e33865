import pytest

from mmpt.catalog import TASKS
from mmpt_cli.validate import main


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(TASKS, "planned", frozenset({"LaterTask"}))
    (tmp_path / "ok.yaml").write_text("task: Task\n")
    (tmp_path / "planned.yaml").write_text("task: LaterTask\n")
    (tmp_path / "wrong.yaml").write_text("task: Tusk\ndataset: {max_len: x}\n")
    (tmp_path / "circle.yaml").write_text("includes: circle.yaml\n")


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["ok.yaml"], 0),
        (["ok.yaml", "planned.yaml"], 3),
        (["planned.yaml", "wrong.yaml"], 1),
        (["circle.yaml"], 1),
        (["gone.yaml", "ok.yaml"], 1),
    ],
)
def test_the_exit_code_tells_ok_planned_and_error_apart(files, names, code):
    assert main(names) == code


def test_every_file_has_a_verdict_and_every_problem_a_line(files, capsys):
    main(["ok.yaml", "planned.yaml", "wrong.yaml", "circle.yaml"])
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "ok.yaml: ok",
        "planned.yaml: planned",
        "  planned: planned.yaml: task: the task 'LaterTask' is planned and not available in this version.",
        "wrong.yaml: error",
        "  error: wrong.yaml: dataset.max_len: must be a whole number, got the text 'x'.",
        "  error: wrong.yaml: task: unknown task 'Tusk'; did you mean 'Task'? "
        f"Known: {', '.join(TASKS.names())}.",
        "circle.yaml: error",
        "  error: The includes run in a circle: circle.yaml -> circle.yaml. Remove one of them.",
    ]


def test_a_planned_class_has_one_line_in_however_many_places_it_stands(files, capsys, tmp_path):
    (tmp_path / "projects" / "base").mkdir(parents=True)
    for name in "ab":
        (tmp_path / "projects" / "base" / f"{name}.yaml").write_text("task: LaterTask\n")
    (tmp_path / "project.yaml").write_text(
        "project_dir: p\nbase_dir: base\ntask_group: {one: {task_list: [a.yaml, b.yaml]}}\n"
    )
    main(["project.yaml"])
    _, line = capsys.readouterr().out.splitlines()
    assert line.startswith("  planned: projects/base/a.yaml: task: the task 'LaterTask' is planned")
    assert line.endswith("It stands in 1 more place.")
