"""Tasks on a Slurm cluster: with submitit's local executor, and as the script that sbatch would get."""

import json
import os
import sys
from pathlib import Path
from threading import Thread

import pytest
import submitit
from waiting import wait_until

import locallaunch
from mmpt.errors import ConfigError
from mmpt_cli.cluster import cluster_settings
from mmpt_cli.localjob import JobStatus
from mmpt_cli.slurm import Command, CommandError, submit
from mmpt_cli.slurmjob import SlurmJob, make_job

TRAIN = "fairseq: {checkpoint: {save_dir: runs/here}}\n"
PREDICT = """
fairseq: {common_eval: {path: a.pt}}
predictor: RetrievalPredictor
metric: RetrievalMetric
"""
CLUSTER = """
default: {partition: gpu, time: 90, account: lab}
big: {partition: gpu, time: 4320, nodes: 4, cpus_per_task: 10, mem_gb: 480}
here: {cluster: local, time: 5}
pair: {cluster: local, time: 5, gpus_per_node: 2}
"""


@pytest.fixture
def task(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("cluster.yaml").write_text(CLUSTER)

    def task(text, name="t.yaml"):
        Path(name).write_text(text)
        return name

    return task


def script_of(sbatch, number=0):
    return (sbatch / str(number)).read_text()


def command_of(folder):
    """The command in the only job of a folder, as submitit would load it on the cluster."""
    (path,) = folder.glob("*_submitted.pkl")
    return submitit.core.utils.DelayedSubmission.load(path).function


def test_a_training_on_four_machines_of_eight_gpus_is_one_process_per_gpu(task, sbatch, capsys):
    assert locallaunch.main([task(TRAIN + "slurm_config: big\n"), "--jobtype", "slurm_big"]) == 0
    script = script_of(sbatch)
    for option in (
        "--nodes=4",
        "--gpus-per-node=8",
        "--ntasks-per-node=8",
        "--cpus-per-task=10",
        "--mem=480GB",
        "--time=4320",
        "--partition=gpu",
        "--job-name=t",
        "--signal=USR2@120",
    ):
        assert f"#SBATCH {option}\n" in script
    assert f"cd {Path.cwd()}\n" in script
    assert "export PYTHONPATH=" in script
    command = command_of(Path("runs/here/slurm"))
    assert (command.argv[1:], command.distributed) == (["-m", "mmpt_cli.train", "t.yaml"], True)
    out = capsys.readouterr().out
    assert "python -m mmpt_cli.train t.yaml" in out
    assert f"t.yaml: job 700; log: {Path.cwd()}/runs/here/slurm/700_0_log.out" in out
    assert out.splitlines()[-1] == "report: mmpt report runs/here"  # later: it is only queued
    assert Path("runs/here/config.yaml").exists()


@pytest.mark.parametrize(
    ("text", "job_type", "gpus", "program"),
    [
        (TRAIN, "slurm_single", 1, "fairseq-train"),
        (TRAIN, "slurm_cpu", None, "fairseq-train"),
        (PREDICT, "slurm_predict", 1, "predict.py"),
    ],
)
def test_what_needs_one_process_is_the_command_of_this_machine(task, sbatch, text, job_type, gpus, program):
    pytest.importorskip("fairseq_cli")
    assert locallaunch.main([task(text), "--jobtype", job_type]) == 0
    script = script_of(sbatch)
    assert ("#SBATCH --gpus-per-node=1\n" in script) == (gpus == 1)
    assert "#SBATCH --account=lab\n" in script  # the group "default"
    assert "ntasks-per-node" not in script
    command = command_of(Path("runs/here/slurm" if text == TRAIN else "runs/slurm"))
    assert program in " ".join(command.argv)
    assert not command.distributed


def test_a_dry_run_shows_what_would_be_asked_for_and_creates_nothing(task, capsys):
    path = task(TRAIN + "slurm_config: big\n")
    assert locallaunch.main([path, "--jobtype", "slurm_big", "--dryrun"]) == 0
    assert capsys.readouterr().out == (
        "sbatch (gpus_per_node 8, partition gpu, time 4320, nodes 4, cpus_per_task 10, mem_gb 480): "
        "python -m mmpt_cli.train t.yaml\n"
    )
    assert sorted(os.listdir()) == ["cluster.yaml", "t.yaml"]


class Stub(SlurmJob):
    """A job that runs a line of Python instead of its command."""

    code = "pass"

    @property
    def argv(self):
        return [sys.executable, "-c", self.code]


def test_a_queued_job_is_running_then_done_or_failed(task):
    job = Stub(task(TRAIN + "slurm_config: here\n"), "slurm_cpu")
    assert job.status is JobStatus.PENDING
    job.code = "import os, time\nwhile not os.path.exists('go'): time.sleep(0.01)\nopen('done', 'w').close()"
    job.submit()
    assert job.status is JobStatus.RUNNING
    Path("go").touch()
    assert (job.wait(), job.exit_code) == (JobStatus.DONE, 0)
    assert Path("done").exists()

    job = Stub("t.yaml", "slurm_cpu")
    job.code = "import sys; sys.exit(7)"
    job.submit()
    assert (job.wait(), job.exit_code) == (JobStatus.FAILED, 1)
    log = next(Path("runs/here/slurm").glob(f"{job._job.job_id}_0_log.err")).read_text()
    assert "The command ended with exit code 7" in log


def test_a_stopped_job_has_failed_and_its_command_has_ended(task, monkeypatch):
    monkeypatch.setattr(submitit.Job, "_results_timeout_s", 0.1)  # how long submitit looks for its result
    job = Stub(task(TRAIN + "slurm_config: here\n"), "slurm_cpu")
    job.code = "import os, time; os.symlink(str(os.getpid()), 'begun'); time.sleep(1000)"
    job.submit()
    wait_until(lambda: os.path.islink("begun"))
    job.stop()
    job._job._process.wait()
    assert job.status is JobStatus.FAILED
    wait_until(lambda: not Path("/proc", os.readlink("begun")).exists())


def test_the_stages_of_a_project_wait_for_their_jobs(task, monkeypatch, capsys):
    Path("projects/task").mkdir(parents=True)
    task(TRAIN + "slurm_config: here\n", "projects/task/a.yaml")
    task(PREDICT + "slurm_config: here\ntask_type: local_predict\n", "projects/task/t.yaml")
    task(
        "{project_dir: mine, base_dir: task, run_task: [a.yaml, t.yaml],"
        " task_group: {all: {task_list: [a.yaml, t.yaml]}}}",
        "projects/p.yaml",
    )
    code = "import sys; open('log', 'a').write(sys.argv[1] + ' ')"
    monkeypatch.setattr(SlurmJob, "argv", property(lambda job: [sys.executable, "-c", code, job.path]))
    assert locallaunch.main(["projects/p.yaml", "--run", "--jobtype", "slurm_cpu"]) == 0
    assert Path("log").read_text() == "projects/mine/a.yaml projects/mine/t.yaml "
    assert "stage 2/2 (t): done in" in capsys.readouterr().out


def test_every_process_of_a_distributed_job_knows_its_rank(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = (
        "import json, os; names = ['RANK', 'LOCAL_RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT'];"
        "json.dump({name: os.environ[name] for name in names}, open(os.environ['RANK'], 'w'))"
    )
    command = Command([sys.executable, "-c", code], distributed=True)
    (job,) = submit([command], tmp_path / "slurm", "t", {"cluster": "local", "time": 5}, gpus=2)
    job.wait()
    first, second = (json.loads(Path(rank).read_text()) for rank in "01")
    assert (first["RANK"], first["LOCAL_RANK"], first["WORLD_SIZE"]) == ("0", "0", "2")
    assert (second["RANK"], second["LOCAL_RANK"], second["WORLD_SIZE"]) == ("1", "1", "2")
    assert first["MASTER_PORT"] == second["MASTER_PORT"]


def test_several_commands_are_one_job_array(tmp_path, monkeypatch, sbatch):
    monkeypatch.chdir(tmp_path)
    jobs = submit([Command(["true"])] * 3, tmp_path / "slurm", "t", {"array_parallelism": 2})
    assert [job.job_id for job in jobs] == ["700_0", "700_1", "700_2"]
    assert "#SBATCH --array=0-2%2\n" in script_of(sbatch)


def test_before_its_time_limit_a_command_is_ended_politely_and_continued(tmp_path):
    code = (
        "import signal, sys, time;"
        f"signal.signal(signal.SIGTERM, lambda *_: sys.exit(open({str(tmp_path / 'tidy')!r}, 'w').close()));"
        f"open({str(tmp_path / 'begun')!r}, 'w').close(); time.sleep(1000)"
    )
    command = Command([sys.executable, "-c", code])
    thread = Thread(target=command)
    thread.start()
    wait_until(lambda: command._process and (tmp_path / "begun").exists())
    continued = command.checkpoint()
    thread.join()
    assert (tmp_path / "tidy").exists()
    assert continued.function.argv == command.argv


def test_a_failing_command_is_an_error():
    with pytest.raises(CommandError, match=r"ended with exit code 3: sh -c 'exit 3'"):
        Command(["sh", "-c", "exit 3"])()


def test_without_slurm_or_with_unknown_options_nothing_is_submitted(task, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigError, match='cannot be submitted: Could not detect "srun"'):
        submit([Command(["true"])], Path("slurm"), "t", {})
    with pytest.raises(ConfigError, match="cannot be submitted: Unknown argument 'partion'"):
        submit([Command(["true"])], Path("slurm"), "t", {"cluster": "local", "partion": "gpu"})


def test_settings_of_the_cluster_are_looked_up_by_name(task, tmp_path):
    assert cluster_settings("big")["nodes"] == 4
    assert cluster_settings(None)["account"] == "lab"
    with pytest.raises(ConfigError, match=r"cluster\.yaml: there is no group 'bigg' .*did you mean 'big'"):
        cluster_settings("bigg")
    with pytest.raises(ConfigError, match=r"none\.yaml"):
        cluster_settings("big", "none.yaml")
    Path("cluster.yaml").write_text("big: 3\n")
    with pytest.raises(ConfigError, match=r"cluster\.yaml: big: must be a mapping of sbatch options, got 3"):
        cluster_settings("big")
    Path("cluster.yaml").write_text("big: {nodes: 4, time: 24:00:00}\n")
    with pytest.raises(ConfigError, match=r"big\.time: must be a whole number \(of minutes\), got '24:"):
        cluster_settings("big")
    assert cluster_settings(None) == {}
    Path("cluster.yaml").unlink()
    assert cluster_settings("big") == {}  # the shipped tasks name groups of a site that has none


def test_other_job_types_stay_on_this_machine(task):
    assert not isinstance(make_job(task(TRAIN), "local_small"), SlurmJob)
    assert isinstance(make_job(task(TRAIN + "task_type: slurm_small\n")), SlurmJob)
