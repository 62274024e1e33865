import os
import shlex
import sys
from pathlib import Path

import pytest
import yaml

from mmpt.errors import ConfigError
from mmpt_cli import localjob
from mmpt_cli.localjob import JOB_TYPES, JobStatus, LocalJob

TRAIN = """
dataset: {subsampling: 4}
fairseq:
  common: {tensorboard_logdir: run, fp16: true, seed: 3}
  dataset: {batch_size: 9, num_workers: 0}
  optimization: {lr: [0.1, 0.2], update_freq: [2, 4]}
  checkpoint: {save_dir: runs/here, reset_meters: false, restore_file: }
"""
PREDICT = """
task_type: local_predict
fairseq: {common_eval: {path: a.pt}}
predictor: RetrievalPredictor
metric: RetrievalMetric
"""


class Stub(LocalJob):
    """A job that runs a line of Python instead of its command."""

    code = "pass"

    @property
    def argv(self):
        return [sys.executable, "-c", self.code]


@pytest.fixture
def task(tmp_path, monkeypatch):
    """Function that writes a task file, on a machine with a GPU, and returns its name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(localjob, "DRIVERS", (str(tmp_path),))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def task(text, name="t.yaml"):
        Path(name).write_text(text)
        return name

    return task


def test_a_command_has_every_option_in_order(task):
    assert LocalJob(task(TRAIN)).command == (
        "fairseq-train t.yaml --user-dir mmpt --task mmtask --arch mmarch --criterion mmloss"
        # 9 clips at 4 clips an item are 2 items; false and null give nothing
        " --tensorboard-logdir runs/here/run_0 --fp16 --seed 3 --batch-size 2 --num-workers 0"
        " --lr 0.1 --update-freq 2,4 --save-dir runs/here"
    )


def test_a_cpu_job_trains_in_full_precision_without_a_gpu(task):
    command = LocalJob(task(TRAIN), "local_cpu").command
    assert "--criterion mmloss --cpu --tensorboard-logdir" in command
    assert "--fp16" not in command


def test_a_cpu_job_of_an_evaluation_evaluates(task):
    assert LocalJob(task(PREDICT), "local_cpu").command == "python mmpt_cli/predict.py t.yaml"


def test_the_job_type_is_the_argument_else_that_of_the_task_else_single(task):
    assert LocalJob(task(TRAIN)).type == JOB_TYPES["local_single"]
    assert LocalJob(task(TRAIN + "task_type: sweep_big\n")).type == JOB_TYPES["local_big"]
    assert LocalJob(task(TRAIN + "task_type: sweep_big\n"), "local_small").type == JOB_TYPES["local_small"]


def test_an_unknown_job_type_is_refused(task):
    with pytest.raises(
        ConfigError, match=r"t\.yaml: unknown job type 'cloud'\. Allowed: local_big, local_cpu"
    ):
        LocalJob(task(TRAIN + "task_type: cloud\n"))


def test_training_without_save_dir_is_refused(task):
    with pytest.raises(ConfigError, match=r"save_dir must be set.*--jobtype local_predict"):
        LocalJob(task("task: Task\n"))


def test_a_task_with_problems_is_refused(task):
    with pytest.raises(ConfigError, match="dataset: must be a mapping"):
        LocalJob(task("dataset: 3\n"))


def test_what_runs_is_this_python_and_the_fairseq_beside_it(task, monkeypatch):
    job = LocalJob(task(PREDICT))
    assert job.argv[0] == sys.executable
    assert Path(job.argv[1]).is_file()
    pytest.importorskip("fairseq_cli")
    job = LocalJob(task(TRAIN))
    assert Path(job.argv[0]).parent == Path(sys.executable).parent
    assert job.argv[-2:] == shlex.split(job.command)[-2:]


def test_a_missing_fairseq_says_what_to_do(task, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        ImportError, match="fairseq' is needed to train and is not installed; run: make setup"
    ):
        LocalJob(task(TRAIN)).submit()
    assert os.listdir() == ["t.yaml"]


def test_a_dry_run_prints_the_command_and_creates_nothing(task, capsys):
    job = LocalJob(task(TRAIN), dryrun=True)
    job.submit()
    assert capsys.readouterr().out == job.command + "\n"
    assert job.wait() is JobStatus.DONE
    assert os.listdir() == ["t.yaml"]


def test_a_job_that_starts_saves_its_configuration_which_can_be_launched_again(task):
    task("slurm_config: big\n", "base.yaml")
    job = Stub(task("includes: base.yaml\n" + TRAIN))
    assert job.status is JobStatus.PENDING
    job.submit()
    assert job.wait() is JobStatus.DONE
    saved = yaml.safe_load(Path("runs/here/config.yaml").read_text())
    assert saved["slurm_config"] == "big"
    assert saved["fairseq"]["dataset"]["batch_size"] == 9
    assert LocalJob("runs/here/config.yaml").command == job.command.replace("t.yaml", "runs/here/config.yaml")


def test_a_second_run_gets_the_next_log_folder(task):
    Path("runs/here/run_0").mkdir(parents=True)
    assert "--tensorboard-logdir runs/here/run_1" in LocalJob(task(TRAIN)).command


def test_a_failing_job_has_its_exit_code(task):
    job = Stub(task(TRAIN))
    job.code = "import sys; sys.exit(7)"
    job.submit()
    assert (job.wait(), job.exit_code) == (JobStatus.FAILED, 7)


def test_a_job_that_is_stopped_has_failed(task):
    job = Stub(task(TRAIN))
    job.code = "import time; time.sleep(1000)"
    job.submit()
    assert job.status is JobStatus.RUNNING
    job.stop()
    assert (job.status, job.exit_code) == (JobStatus.FAILED, 128 + 15)  # SIGTERM is 15


def test_no_shell_reads_the_file_names(task):
    job = Stub(task(TRAIN, "a; touch hacked #.yaml"))
    job.submit()
    job.wait()
    assert "'a; touch hacked #.yaml'" in job.command
    assert not Path("hacked").exists()


@pytest.mark.parametrize(
    ("half", "job_type", "refused"),
    [
        ("true", "local_single", True),
        ("false", "local_single", False),  # fairseq trains on the CPU
        ("false", "local_small", True),
        ("true", "local_cpu", False),
        ("true", "slurm_big", False),
    ],
)
def test_a_training_on_gpus_is_refused_at_once_where_none_is(task, monkeypatch, half, job_type, refused):
    job = LocalJob(task(TRAIN.replace("fp16: true", f"fp16: {half}")), job_type)
    job.require_gpu()
    monkeypatch.setattr(localjob, "DRIVERS", ("/proc/no/driver",))
    if not refused:
        job.require_gpu()
        return
    with pytest.raises(ConfigError, match=r"t\.yaml trains on GPUs.*shows none\. Give --jobtype local_cpu"):
        job.require_gpu()
    monkeypatch.undo()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(ConfigError, match="this machine shows none"):
        job.require_gpu()


@pytest.mark.parametrize("dryrun", [True, False])
def test_evaluating_a_task_that_trains_is_refused_and_no_command_shown(task, dryrun, capsys):
    with pytest.raises(ConfigError, match=r"t\.yaml names no predictor.*leave out --jobtype local_predict"):
        LocalJob(task(TRAIN), "local_predict", dryrun)
    assert capsys.readouterr().out == ""
