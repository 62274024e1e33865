import pytest

from mmpt.catalog import TASKS
from mmpt_cli.validate import main


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ok.yaml").write_text("task: Task\n")
    (tmp_path / "wrong.yaml").write_text("task: Tusk\ndataset: {max_len: x}\n")
    (tmp_path / "circle.yaml").write_text("includes: circle.yaml\n")


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["ok.yaml"], 0),
        (["ok.yaml", "wrong.yaml"], 1),
        (["circle.yaml"], 1),
        (["gone.yaml", "ok.yaml"], 1),
    ],
)
def test_the_exit_code_tells_ok_and_error_apart(files, names, code):
    assert main(names) == code


def test_every_file_has_a_verdict_and_every_problem_a_line(files, capsys):
    main(["ok.yaml", "wrong.yaml", "circle.yaml"])
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "ok.yaml: ok",
        "wrong.yaml: error",
        "  error: wrong.yaml: dataset.max_len: must be a whole number, got the text 'x'.",
        "  error: wrong.yaml: task: unknown task 'Tusk'; did you mean 'Task'? "
        f"Known: {', '.join(TASKS.names())}.",
        "circle.yaml: error",
        "  error: The includes run in a circle: circle.yaml -> circle.yaml. Remove one of them.",
    ]
