import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

import locallaunch
from mmpt.errors import ConfigError
from mmpt_cli import localjob
from mmpt_cli.stages import run_stage

ROOT = Path(__file__).parent.parent.parent
TASK = "fairseq: {checkpoint: {save_dir: runs/task/%s}}\n"
TEST = """
task_type: local_predict
fairseq: {common_eval: {path: a.pt}}
predictor: RetrievalPredictor
metric: RetrievalMetric
"""
PROJECT = """
project_dir: mine
base_dir: task
run_task: [a.yaml, [b.yaml, c.yaml], t.yaml]
task_group:
  all:
    task_list: [a.yaml, b.yaml, c.yaml, t.yaml]
"""
# Stands in for both programs: notes its task file and fails if the task is said to. Of a list that runs in
# parallel, no task ends before all have begun.
PROGRAM = """
import pathlib, sys, time
name = pathlib.Path(sys.argv[1]).stem
with open("log", "a") as log: log.write(f"+{name} ")
together = pathlib.Path("together").read_text().split() if pathlib.Path("together").exists() else []
while name in together and not all(f"+{each} " in pathlib.Path("log").read_text() for each in together):
    time.sleep(0.01)
with open("log", "a") as log: log.write(f"-{name} ")
if pathlib.Path("trains").exists():
    run = pathlib.Path("runs/mine", name)
    run.mkdir(parents=True, exist_ok=True)
    (run / "metrics.jsonl").write_text('{"split": "train", "update": 1, "loss": 2.0}')
sys.exit(5 if pathlib.Path(f"fail_{name}").exists() else 0)
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = Path("projects/task")
    folder.mkdir(parents=True)
    for name in "abc":
        (folder / f"{name}.yaml").write_text(TASK % name)
    (folder / "t.yaml").write_text(TEST)
    Path("projects/p.yaml").write_text(PROJECT)
    monkeypatch.setattr(
        localjob.LocalJob, "argv", property(lambda job: [sys.executable, "-c", PROGRAM, job.path])
    )
    return "projects/p.yaml"


def log():
    return Path("log").read_text().split() if Path("log").exists() else []


def test_a_project_is_expanded_and_not_run(project, capsys):
    assert locallaunch.main([project]) == 0
    assert sorted(path.name for path in Path("projects/mine").iterdir()) == [
        "a.yaml",
        "b.yaml",
        "c.yaml",
        "t.yaml",
    ]
    text = Path("projects/mine/a.yaml").read_text()
    assert text.startswith("# Expanded from projects/p.yaml")
    assert "# Launch: mmpt launch projects/mine/a.yaml" in text
    assert yaml.safe_load(text) == {"fairseq": {"checkpoint": {"save_dir": "runs/mine/a"}}}
    assert "4 tasks written:\nprojects/mine/a.yaml\n" in capsys.readouterr().out
    assert log() == []


def test_a_dry_run_of_a_project_creates_nothing(project, capsys):
    assert locallaunch.main([project, "--dryrun"]) == 0
    assert "4 tasks would be written:\nprojects/mine/a.yaml\n" in capsys.readouterr().out
    assert locallaunch.main([project, "--dryrun", "--run"]) == 0
    assert capsys.readouterr().out.count("fairseq-train projects/mine/") == 3
    assert sorted(path.as_posix() for path in Path().rglob("*") if path.is_dir()) == [
        "projects",
        "projects/task",
    ]
    assert log() == []


def test_run_goes_through_all_stages_in_order_and_runs_a_nested_list_in_parallel(project, capsys):
    Path("together").write_text("b c")
    assert locallaunch.main([project, "--run"]) == 0
    done = log()
    assert done[:2] == ["+a", "-a"]
    assert set(done[2:4]) == {"+b", "+c"}
    assert set(done[4:6]) == {"-b", "-c"}
    assert done[6:] == ["+t", "-t"]
    out = capsys.readouterr().out
    assert "stage 2/3 (b, c): done in " in out
    assert "python mmpt_cli/predict.py projects/mine/t.yaml" in out


def test_parallel_limits_how_many_run_at_once(project):
    assert locallaunch.main([project, "--run", "--parallel", "1", "--from-stage", "2"]) == 0
    assert log() == ["+b", "-b", "+c", "-c", "+t", "-t"]


def test_a_failing_stage_stops_the_run_and_says_how_to_go_on(project, capsys):
    Path("fail_c").touch()
    assert locallaunch.main([project, "--run", "--jobtype", "local_single"]) == 5
    assert sorted(log()) == ["+a", "+b", "+c", "-a", "-b", "-c"]  # b ends, t never starts
    out = capsys.readouterr().out
    assert "stage 2/3 (b, c): projects/mine/c.yaml failed with exit code 5 after" in out
    again = "mmpt launch projects/p.yaml --run --jobtype local_single --from-stage 2"
    assert again in out

    Path("fail_c").unlink()
    Path("log").unlink()
    assert locallaunch.main(again.split()[2:]) == 0
    assert sorted(log()) == ["+b", "+c", "+t", "-b", "-c", "-t"]


def test_the_job_type_of_a_project_run_changes_training_and_not_evaluation(project, capsys):
    locallaunch.main([project, "--run", "--dryrun", "--jobtype", "local_small"])
    out = capsys.readouterr().out
    assert out.count("--distributed-world-size 2") == 3
    assert out.count("predict.py") == 1


def test_a_task_that_is_not_written_runs_and_a_failure_is_the_exit_code(project, capsys):
    assert locallaunch.main(["projects/mine/a.yaml"]) == 0
    Path("fail_b").touch()
    assert locallaunch.main(["projects/mine/a.yaml,projects/mine/b.yaml,projects/mine/c.yaml"]) == 5
    assert log() == ["+a", "-a", "+a", "-a", "+b", "-b"]
    assert "projects/mine/b.yaml failed with exit code 5" in capsys.readouterr().out
    assert not Path("projects/mine").exists()


def test_the_last_line_is_the_page_of_the_run_that_trained_well_or_not(project, capsys):
    Path("trains").touch()
    assert locallaunch.main(["projects/mine/a.yaml"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "report: runs/mine/a/report.html"
    Path("fail_b").touch()
    assert locallaunch.main(["projects/mine/b.yaml"]) == 5
    said = capsys.readouterr().out.splitlines()
    assert said[-2:] == [
        "projects/mine/b.yaml failed with exit code 5; its own messages are above.",
        "report: runs/mine/b/report.html",
    ]
    assert Path("runs/mine/b/report.html").exists()


def test_a_project_run_ends_with_the_pages_of_all_that_ran(project, capsys):
    Path("trains").touch()
    Path("fail_c").touch()
    locallaunch.main([project, "--run"])
    said = capsys.readouterr().out.splitlines()
    assert said[-3:] == [f"report: runs/mine/{name}/report.html" for name in "abc"]


def test_a_run_whose_last_stage_needs_a_gpu_is_refused_before_the_first(project, monkeypatch):
    monkeypatch.setattr(localjob, "DRIVERS", ())
    Path("projects/task/c.yaml").write_text(
        "fairseq: {common: {fp16: true}, checkpoint: {save_dir: runs/task/c}}\n"
    )
    with pytest.raises(ConfigError, match=r"projects/mine/c\.yaml trains on GPUs"):
        locallaunch.main([project, "--run"])
    assert log() == []


def test_an_interruption_ends_the_running_jobs(project, monkeypatch):
    jobs = [localjob.LocalJob("projects/mine/a.yaml")]

    def interrupted(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_stage(jobs)
    assert jobs[0].status is localjob.JobStatus.FAILED


def test_a_project_without_stages_cannot_be_run(project):
    Path(project).write_text(PROJECT.replace("run_task: [a.yaml, [b.yaml, c.yaml], t.yaml]", ""))
    with pytest.raises(ConfigError, match="run_task: lists no stage, so there is nothing to run"):
        locallaunch.main([project, "--run"])


def launch(*arguments, cwd=ROOT):
    return subprocess.run(
        [sys.executable, str(ROOT / "locallaunch.py"), *arguments], cwd=cwd, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [\n", "line 2: not valid YAML"),
        ("includes: t.yaml\n", "circle: t.yaml -> t.yaml"),
        ("x: !!python/name:os.system\n", "could not determine a constructor"),
        ("loss: {loss_cls: MMContaLoss}\n", "did you mean 'MMContraLoss'?"),
    ],
)
def test_a_bad_file_is_one_error_without_a_traceback(tmp_path, text, message):
    (tmp_path / "t.yaml").write_text(text)
    done = launch("t.yaml", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_file_is_one_error(tmp_path):
    done = launch("gone.yaml", "--dryrun", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        "error: The task file gone.yaml does not exist, and no file in projects/ expands to it" in done.stderr
    )


def test_an_empty_file_name_is_refused_and_no_silent_success(capsys):
    with pytest.raises(SystemExit) as stopped:
        locallaunch.main([""])
    assert stopped.value.code == 2
    assert "give a project or task file" in capsys.readouterr().err
