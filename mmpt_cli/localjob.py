"""Jobs on this machine: which command a task file runs, and the running of it.

The command is an argument list; no shell is involved. :attr:`LocalJob.command` is the same command as
text, with plain program names, as one would type it.
"""

import importlib.util
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from mmpt.config.derive import derive, training_options
from mmpt.config.includes import merge_layers
from mmpt.config.project import task_layers
from mmpt.config.task import check
from mmpt.config.typecheck import suggest
from mmpt.config.yamlfile import dump_yaml
from mmpt.errors import ConfigError, MissingDependencyError
from mmpt.utils.files import atomic_write
from mmpt_cli.checkout import child_environment, place
from mmpt_cli.job import NO_EVALUATION, NOT_ON_CPU, JobStatus, training_arguments

__all__ = ["JOB_TYPES", "JobStatus", "JobType", "LocalJob"]

DRIVERS = ("/proc/driver/nvidia", "/dev/nvidiactl", "/dev/nvhost-gpu", "/dev/kfd", "/dev/dxg")
"""One of these is there where a GPU is: of NVIDIA, in a board of NVIDIA, of AMD, or of Windows around us."""


@dataclass(frozen=True)
class JobType:
    """How a task is run."""

    predict: bool = False
    """Evaluate with ``mmpt_cli/predict.py`` instead of training."""
    world_size: int | None = None
    """Number of training processes; None leaves it to fairseq (one per visible GPU)."""
    cpu: bool = False
    """Hide all GPUs; train in full precision."""
    slurm: bool = False
    """Queue it on a cluster, see :mod:`mmpt_cli.slurmjob`."""

    @property
    def gpus(self) -> int:
        """GPUs that it asks a cluster for, on each machine."""
        return 0 if self.cpu else self.world_size or 1


JOB_TYPES = {
    "local_single": JobType(),
    "local_small": JobType(world_size=2),
    "local_big": JobType(world_size=8),
    "local_predict": JobType(predict=True),
    "local_cpu": JobType(cpu=True),
    "slurm_single": JobType(slurm=True),
    "slurm_small": JobType(slurm=True, world_size=2),
    "slurm_big": JobType(slurm=True, world_size=8),
    "slurm_predict": JobType(slurm=True, predict=True),
    "slurm_cpu": JobType(slurm=True, cpu=True),
    # The shipped tasks were written for a cluster; here they run on this machine.
    "sweep_single": JobType(),
    "sweep_small": JobType(world_size=2),
    "sweep_big": JobType(world_size=8),
}


class LocalJob:
    """One task file as a job.

    Args:
        yaml_file: Task file; one that its project has not written yet works too.
        job_type: Name in :data:`JOB_TYPES`; by default the ``task_type`` of the file, else
            ``local_single``. ``local_cpu`` evaluates a task that has a predictor and trains others.
        dryrun: :meth:`submit` starts nothing and creates nothing.

    Raises:
        ConfigError: If the file has problems or the job type is unknown.
    """

    def __init__(
        self, yaml_file: str | os.PathLike[str], job_type: str | None = None, dryrun: bool = False
    ) -> None:
        self.path = os.fspath(yaml_file)
        self.dryrun = dryrun
        check(self.path)
        self.values = merge_layers(task_layers(self.path))
        name = job_type or self.values.get("task_type") or "local_single"
        if name not in JOB_TYPES:
            raise ConfigError(f"{self.path}: unknown job type '{name}'{suggest(name, JOB_TYPES)}")
        self.type = JOB_TYPES[name]
        self.predicts = self.type.predict or (self.type.cpu and self.values.get("predictor") is not None)
        self._process: subprocess.Popen[bytes] | None = None
        if self.predicts and self.values.get("predictor") is None:
            raise ConfigError(f"{self.path} {NO_EVALUATION} To train it, leave out --jobtype local_predict.")
        if not self.predicts and not self.save_dir:
            raise ConfigError(
                f"{self.path}: fairseq.checkpoint.save_dir must be set: training writes its checkpoints "
                "there. To evaluate, use --jobtype local_predict."
            )

    @property
    def save_dir(self) -> str | None:
        """Folder of the checkpoints."""
        return training_options(self.values.get("fairseq")).get("save_dir")

    @property
    def folder(self) -> Path:
        """Folder of what it writes: checkpoints, or results."""
        if not self.predicts:
            return Path(self.save_dir or "")
        given = (self.values.get("eval") or {}).get("save_path")
        weights = training_options(self.values.get("fairseq")).get("path")
        return Path(given) if given else Path(weights or "").parent / "eval"

    @property
    def command(self) -> str:
        """The command as text."""
        program = ["python", "mmpt_cli/predict.py"] if self.predicts else ["fairseq-train"]
        return shlex.join(program + self._arguments("mmpt"))

    @property
    def argv(self) -> list[str]:
        """The command as it is run: this Python, and the ``fairseq-train`` beside it.

        Raises:
            MissingDependencyError: If fairseq is not installed.
        """
        if self.predicts:
            return [sys.executable, place("mmpt_cli/predict.py"), *self._arguments("")]
        if importlib.util.find_spec("fairseq_cli") is None:
            raise MissingDependencyError(
                "The package 'fairseq' is needed to train and is not installed; run: make setup."
            )
        beside = Path(sys.executable).parent / "fairseq-train"
        program = [str(beside)] if beside.is_file() else [sys.executable, "-m", "fairseq_cli.train"]
        return program + self._arguments(place("mmpt"))

    def _arguments(self, user_dir: str) -> list[str]:
        if self.predicts:
            return [self.path]
        folder = Path(self.save_dir or "")
        taken = {each.name for each in folder.iterdir()} if folder.is_dir() else ()
        values = derive(self.values, taken)
        return training_arguments(self.path, values, user_dir, self.type.world_size, self.type.cpu)

    def submit(self) -> None:
        """Print the command and, unless this is a dry run, start it.

        A training job first saves its whole configuration as ``<save_dir>/config.yaml``.

        Raises:
            ConfigError: If the task needs a GPU and none is there.
            MissingDependencyError: If fairseq is not installed.
        """
        if self.dryrun:
            print(self.command)
            return
        argv = self.argv
        self.require_gpu()
        self.save_configuration()
        print(self.command, flush=True)
        self._start(argv)

    def _start(self, argv: list[str]) -> None:
        hidden = {"CUDA_VISIBLE_DEVICES": ""} if self.type.cpu else {}
        self._process = subprocess.Popen(argv, env=child_environment() | hidden)

    def save_configuration(self) -> None:
        """Write the whole configuration of a training as ``<save_dir>/config.yaml``."""
        if not self.predicts:
            with atomic_write(f"{self.save_dir}/config.yaml", "w") as stream:
                stream.write(dump_yaml(self.values))

    def require_gpu(self) -> None:
        """Refuse at once a training that needs GPUs where none is; torch takes long to say it.

        Raises:
            ConfigError: If that is so.
        """
        if self.predicts or self.type.cpu or self.type.slurm:
            return
        half = any(training_options(self.values.get("fairseq")).get(name) for name in NOT_ON_CPU)
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES") == ""
        if (half or self.type.world_size is not None) and (hidden or not any(map(os.path.exists, DRIVERS))):
            raise ConfigError(
                f"{self.path} trains on GPUs, and this machine shows none. Give --jobtype local_cpu to train "
                "on the CPU, or slurm_single, slurm_small or slurm_big to train on a cluster."
            )

    @property
    def status(self) -> JobStatus:
        """How far the job has come."""
        if self._process is None:
            return JobStatus.DONE if self.dryrun else JobStatus.PENDING
        if self._process.poll() is None:
            return JobStatus.RUNNING
        return JobStatus.DONE if self._process.returncode == 0 else JobStatus.FAILED

    @property
    def exit_code(self) -> int:
        """Exit code of the ended job: 128 + n if signal n ended it, as a shell says it."""
        code = (self._process.poll() if self._process is not None else 0) or 0
        return code if code >= 0 else 128 - code

    def wait(self) -> JobStatus:
        """Wait until the job has ended; an interruption ends the job too."""
        if self._process is not None:
            try:
                self._process.wait()
            finally:
                self.stop()
        return self.status

    def stop(self) -> None:
        """End the job if it runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait()
