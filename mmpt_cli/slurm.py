"""Commands as jobs of Slurm, through submitit.

A job that reaches its time limit, or is preempted, is ended politely and queued again; training and
extraction then go on where they were. The scripts that were submitted, the logs and the results lie in
the job's folder, ``<folder>/<job>_...``.
"""

import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmpt.errors import ConfigError, MMPTError
from mmpt.utils.optional import require
from mmpt_cli.checkout import ROOT, child_environment

__all__ = ["Command", "CommandError", "submit"]

GENERIC = frozenset(
    {"timeout_min", "mem_gb", "nodes", "cpus_per_task", "gpus_per_node", "tasks_per_node", "stderr_to_stdout"}
)
"""What submitit names itself; all else goes to sbatch."""
GRACE = 120
"""Seconds that a command gets to end itself before its time limit, or when it is preempted."""
DAY = 24 * 60


class CommandError(MMPTError):
    """A command on the cluster has failed."""


class Command:
    """A command that a job runs; submitit sends it to the job.

    Args:
        argv: The command.
        distributed: Whether the job has several tasks that train together; each is told its rank.
    """

    def __init__(self, argv: Sequence[str], distributed: bool = False) -> None:
        self.argv, self.distributed = list(argv), distributed
        self._process: subprocess.Popen[bytes] | None = None

    def __call__(self) -> None:
        """Run it.

        Raises:
            CommandError: If it ends with another exit code than 0.
        """
        if self.distributed:
            helpers = _submitit("submitit.helpers")
            helpers.TorchDistributedEnvironment().export(set_cuda_visible_devices=False, overwrite=True)
        self._process = subprocess.Popen(self.argv, env=child_environment())
        try:
            code = self._process.wait()
        except BaseException:  # the job was cancelled, and the command would go on without it
            self._process.terminate()
            raise
        if code:
            raise CommandError(f"The command ended with exit code {code}: {shlex.join(self.argv)}")

    def checkpoint(self) -> Any:
        """End the command politely and return what continues it; submitit asks before a time limit."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
        return _submitit("submitit.helpers").DelayedSubmission(Command(self.argv, self.distributed))


def submit(
    commands: Sequence[Command],
    folder: Path,
    name: str,
    settings: Mapping[str, Any],
    gpus: int = 0,
) -> list[Any]:
    """Submit commands, several as one job array, and return their jobs (``submitit.Job``).

    Args:
        commands: The commands.
        folder: Where scripts, logs and results go; all machines must see it.
        name: Name of the job.
        settings: sbatch options: ``time`` in minutes, ``mem_gb``, ``partition`` and so on;
            ``cluster: local`` runs the jobs here, to try them out.
        gpus: GPUs on each machine, unless the settings say otherwise.

    Raises:
        ConfigError: If Slurm is not there, or an option is unknown.
        MissingDependencyError: If submitit is not installed.
    """
    given = {"timeout_min" if key == "time" else key: value for key, value in settings.items()}
    cluster = given.pop("cluster", "slurm")
    options = {"timeout_min": DAY, "gpus_per_node": gpus, "name": name, "slurm_signal_delay_s": GRACE}
    options |= {key if key in GENERIC else f"slurm_{key}": value for key, value in given.items()}
    options.setdefault("slurm_setup", [f"cd {shlex.quote(str(Path.cwd()))}", f"export PYTHONPATH={_path()}"])
    if any(command.distributed for command in commands):
        options["tasks_per_node"] = options["gpus_per_node"]
    try:
        executor = _submitit("submitit").AutoExecutor(folder, cluster=cluster)
        executor.update_parameters(**{key: value for key, value in options.items() if value != 0})
    except (RuntimeError, ValueError, NameError, AssertionError) as error:
        raise ConfigError(f"The job cannot be submitted: {error}") from error
    if len(commands) == 1:
        return [executor.submit(commands[0])]
    return list(executor.submit_array(commands))


def _path() -> str:
    return f"{shlex.quote(str(ROOT))}${{PYTHONPATH:+:$PYTHONPATH}}"


def _submitit(module: str) -> Any:
    return require(module, "slurm", "submit jobs to Slurm")
