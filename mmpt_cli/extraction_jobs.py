"""An extraction as jobs of a cluster; each makes one part of the videos."""

from collections.abc import Sequence
from pathlib import Path

from mmpt.errors import ConfigError
from mmpt_cli.cluster import GPUS, cluster_settings
from mmpt_cli.raycluster import run_on_ray
from mmpt_cli.slurm import Command, submit

__all__ = ["JOB_TYPES", "ExtractionJobs"]

PLACES = ("slurm", "ray")
JOB_TYPES = [f"{place}_{size}" for place in PLACES for size in GPUS]
CPUS = 2
"""Cores of a job on Ray, unless the settings say otherwise: one encodes, one decodes."""


class ExtractionJobs:
    """Jobs of a type, as :data:`JOB_TYPES` names them.

    Args:
        job_type: Where, and with how many GPUs.
        group: Group of the cluster settings; None: ``default``.
        cluster: File of the settings, see :func:`mmpt_cli.cluster.cluster_settings`.

    Raises:
        ConfigError: If the settings cannot be read.
    """

    def __init__(self, job_type: str, group: str | None, cluster: Path | None) -> None:
        self.place, size = job_type.split("_")
        self._settings = cluster_settings(group, cluster)
        self.gpus = int(self._settings.get("gpus_per_node", GPUS[size]))
        """GPUs of each job."""
        if int(self._settings.get("nodes", 1)) > 1:
            raise ConfigError(
                "An extraction does not need several machines in one job: leave 'nodes' out of the cluster "
                "settings and give a larger --num_jobs."
            )

    def run(self, commands: Sequence[Sequence[str]], folder: Path, wait: bool) -> bool:
        """Run or queue one job per command; return whether all have ended.

        Args:
            commands: The commands.
            folder: Where scripts and logs of Slurm jobs go.
            wait: Whether to wait for Slurm; on Ray one always waits.

        Raises:
            ConfigError: If the jobs cannot be submitted.
        """
        if self.place == "ray":
            run_on_ray(commands, self.gpus, self._settings.get("cpus_per_task", CPUS), "parts")
            return True
        jobs = submit(
            [Command(command) for command in commands], folder, "extract", self._settings, self.gpus
        )
        print(f"{len(jobs)} jobs, {jobs[0].job_id} to {jobs[-1].job_id}; logs: {folder}", flush=True)
        if wait:
            for job in jobs:
                job.wait()
        return wait
