"""The stages of the demo's projects: what is done stays done, what has changed runs again."""

import sys
from pathlib import Path

import pytest

from mmpt.errors import ConfigError, MMPTError
from mmpt_cli import localjob
from mmpt_cli.demo_tasks import run_tasks

TRAIN = "fairseq: {checkpoint: {save_dir: runs/a%s}}\n"
TEST = """
predictor: RetrievalPredictor
task_type: local_predict
fairseq: {common_eval: {path: runs/a/checkpoint_last.pt}}
eval: {save_path: runs/a/eval}
"""
# Stands in for both programs: notes its task and threads, and writes what the task promises.
PROGRAM = """
import os, pathlib, sys
task = pathlib.Path(sys.argv[1]).stem
with open("log", "a") as log: log.write(f"{task} {os.environ.get('OMP_NUM_THREADS', 'all')}\\n")
for name in ("runs/a/checkpoint_last.pt", "runs/a/eval/checkpoint_last.result.json"):
    pathlib.Path(name).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(name).write_text("weights")
sys.exit(5 if pathlib.Path(f"fail_{task}").exists() else 0)
"""
RECORD = Path("runs/record.json")


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(
        localjob.LocalJob, "argv", property(lambda job: [sys.executable, "-c", PROGRAM, job.path])
    )
    Path("train.yaml").write_text(TRAIN % "")
    Path("test.yaml").write_text(TEST)


def ran():
    lines = Path("log").read_text().splitlines() if Path("log").exists() else []
    Path("log").unlink(missing_ok=True)
    return sorted(line.split()[0] for line in lines)


def test_a_task_that_is_done_does_not_run_again(capsys):
    for expected in (["train"], []):
        run_tasks(["train.yaml"], RECORD)
        assert ran() == expected
    assert "train.yaml: done before" in capsys.readouterr().out


def test_a_test_runs_again_when_its_checkpoint_is_another():
    run_tasks(["train.yaml"], RECORD)
    run_tasks(["test.yaml"], RECORD)
    ran()
    Path("runs/a/checkpoint_last.pt").write_text("other weights")
    run_tasks(["train.yaml", "test.yaml"], RECORD)
    assert ran() == ["test"]


def test_a_test_runs_again_when_its_results_are_gone():
    run_tasks(["train.yaml", "test.yaml"], RECORD)
    ran()
    Path("runs/a/eval/checkpoint_last.result.json").unlink()
    run_tasks(["test.yaml"], RECORD)
    assert ran() == ["test"]


def test_a_task_that_fails_is_named_and_runs_again_while_the_others_stay_done():
    Path("fail_train").touch()
    with pytest.raises(MMPTError, match=r"train\.yaml failed; what is wrong stands above"):
        run_tasks(["train.yaml", "test.yaml"], RECORD)
    ran()
    Path("fail_train").unlink()
    run_tasks(["train.yaml", "test.yaml"], RECORD)
    assert ran() == ["train"]


def test_a_pre_training_of_other_settings_is_not_taken_for_this_one():
    run_tasks(["train.yaml"], RECORD)
    Path("train.yaml").write_text(TRAIN % ", max_epoch: 3")
    with pytest.raises(
        ConfigError, match=r"runs/a holds a training with other settings .* Remove that folder"
    ):
        run_tasks(["train.yaml"], RECORD)


def test_tasks_side_by_side_share_the_cores(monkeypatch):
    monkeypatch.setattr("mmpt_cli.demo_tasks.core_count", lambda: 4)
    run_tasks(["train.yaml"], RECORD)
    assert Path("log").read_text() == "train all\n"
    Path("log").unlink()
    Path("b.yaml").write_text(TRAIN % "")
    Path("runs/record.json").unlink()
    run_tasks(["test.yaml", "b.yaml"], RECORD)
    assert sorted(Path("log").read_text().split("\n")[:2]) == ["b 2", "test 2"]
