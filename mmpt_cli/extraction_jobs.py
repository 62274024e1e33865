"""An extraction as jobs of a cluster; each makes one part of the videos."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mmpt.errors import ConfigError, DataError
from mmpt.store.extraction_report import REPORT_NAME, ExtractionReport, merge_parts, part_name
from mmpt.store.paths import PLAN_NAME, PathPlan
from mmpt.store.sources import read_settings
from mmpt.utils.logging import get_logger
from mmpt_cli.cluster import GPUS, cluster_settings
from mmpt_cli.extraction_plan import save_plan
from mmpt_cli.raycluster import run_on_ray
from mmpt_cli.slurm import Command, submit

__all__ = ["JOB_TYPES", "ExtractionJobs", "extract_on_cluster"]

PLACES = ("slurm", "ray")
JOB_TYPES = [f"{place}_{size}" for place in PLACES for size in GPUS]
CPUS = 2
"""Cores of a job on Ray, unless the settings say otherwise: one encodes, one decodes."""

logger = get_logger(__name__)


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


def extract_on_cluster(
    arguments: Sequence[str], options: argparse.Namespace, plan: PathPlan
) -> ExtractionReport | None:
    """Run the same command for each part of the videos; return the sum if one waits for it."""
    jobs = ExtractionJobs(options.jobtype, options.cluster_config, options.cluster)
    if not options.plan:
        save_plan(plan, options)
    more = ["--jobtype", "local", "--allow_missing", "--plan", str(options.plan or options.fdir / PLAN_NAME)]
    more += ["--num_workers", str(options.num_workers or max(1, jobs.gpus))]
    commands = []
    for part in range(options.num_jobs):
        (options.fdir / part_name(part, options.num_jobs)).unlink(missing_ok=True)
        split = f"{part}/{options.num_jobs}"
        commands.append([sys.executable, "-m", "mmpt_cli.extract", *arguments, *more, "--split", split])
    if not jobs.run(commands, options.fdir / "slurm", options.wait):
        logger.info("%s will have the reports of the parts that are done", options.fdir / REPORT_NAME)
        return None
    report, missing = merge_parts(options.fdir, options.num_jobs, read_settings(options.fdir))
    if missing:
        raise DataError(
            f"Parts of the extraction have failed, see their logs: {', '.join(map(str, missing))}."
        )
    return report
