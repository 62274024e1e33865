"""Task files as jobs of Slurm: the same jobs as on this machine, queued."""

import os
import shlex
import sys
from pathlib import Path
from typing import Any

from mmpt_cli.cluster import cluster_settings
from mmpt_cli.localjob import JobStatus, LocalJob
from mmpt_cli.slurm import Command, submit

__all__ = ["SlurmJob", "make_job"]

PREDICTION_LOGS = "runs/slurm"


def make_job(
    path: str | os.PathLike[str],
    name: str | None = None,
    dryrun: bool = False,
    cluster: str | os.PathLike[str] | None = None,
) -> LocalJob:
    """Return the job of a task file, here or on a cluster as its job type says.

    Args:
        path: Task file.
        name: Job type; by default that of the file.
        dryrun: Nothing is started or created.
        cluster: File of cluster settings, see :func:`mmpt_cli.cluster.cluster_settings`.
    """
    job = LocalJob(path, name, dryrun)
    return SlurmJob(path, name, dryrun, cluster) if job.type.slurm else job


class SlurmJob(LocalJob):
    """One task file as a job of Slurm.

    A training on several GPUs is one process per GPU, on as many machines as ``nodes`` in the cluster
    settings says. The settings are those that ``slurm_config`` of the task names.

    Args:
        yaml_file: See :class:`LocalJob`.
        job_type: See :class:`LocalJob`; ``slurm_...``.
        dryrun: See :class:`LocalJob`.
        cluster: File of cluster settings.
    """

    def __init__(
        self,
        yaml_file: str | os.PathLike[str],
        job_type: str | None = None,
        dryrun: bool = False,
        cluster: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__(yaml_file, job_type, dryrun)
        self.settings = cluster_settings(self.values.get("slurm_config"), cluster)
        self.gpus = int(self.settings.get("gpus_per_node", self.type.gpus))
        self._job: Any = None

    @property
    def distributed(self) -> bool:
        """Whether it trains in several processes."""
        return not self.predicts and self.gpus * int(self.settings.get("nodes", 1)) > 1

    @property
    def command(self) -> str:
        """The command of each process as text."""
        return f"python -m mmpt_cli.train {shlex.quote(self.path)}" if self.distributed else super().command

    def submit(self) -> None:
        """Print the command and, unless this is a dry run, queue it."""
        if self.dryrun:
            wanted = {"gpus_per_node": self.gpus, **self.settings}
            print(f"sbatch ({', '.join(f'{key} {value}' for key, value in wanted.items())}): ", end="")
        super().submit()

    def wait(self) -> JobStatus:
        """Wait until the job has ended; an interruption cancels it."""
        try:
            if self._job is not None:
                self._job.wait()
        finally:
            self.stop()
        return self.status

    def stop(self) -> None:
        """Cancel the job if it is queued or runs."""
        if self.status is JobStatus.RUNNING:
            self._job.cancel()

    @property
    def status(self) -> JobStatus:
        """How far the job has come; a queued one counts as running."""
        if self._job is None:
            return super().status
        if not self._job.done():
            return JobStatus.RUNNING
        tasks = map(self._job.task, range(self._job.num_tasks))
        return JobStatus.DONE if all(task.exception() is None for task in tasks) else JobStatus.FAILED

    @property
    def exit_code(self) -> int:
        """1 if the job has failed; the log has the command's own."""
        return int(self.status is JobStatus.FAILED)

    def _start(self, argv: list[str]) -> None:
        folder = (
            Path(self.save_dir, "slurm") if self.save_dir and not self.predicts else Path(PREDICTION_LOGS)
        )
        if self.distributed:
            argv = [sys.executable, "-m", "mmpt_cli.train", self.path]
        command = Command(argv, self.distributed)
        (self._job,) = submit([command], folder, Path(self.path).stem, self.settings, self.gpus)
        print(f"{self.path}: job {self._job.job_id}; log: {self._job.paths.stdout}", flush=True)
