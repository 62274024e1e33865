"""Commands on a Ray cluster, as many at once as its GPUs and cores allow.

Without a cluster (``RAY_ADDRESS``, or one that ``ray start`` has started here) Ray uses this machine alone.
A command whose machine is lost is run again on another.
"""

import os
import subprocess
from collections.abc import Sequence
from typing import Any

from mmpt.utils.optional import require
from mmpt.utils.progress import progress
from mmpt_cli.checkout import child_environment

__all__ = ["run_on_ray"]

RETRIES = 3
"""How often a command is run again when its machine or its process is lost."""


def run_on_ray(commands: Sequence[Sequence[str]], gpus: float, cpus: float, what: str) -> list[int]:
    """Run commands and return their exit codes, in their order.

    All machines must see the working directory and this copy of mmpt under the same paths.

    Args:
        commands: The commands.
        gpus: GPUs that each needs.
        cpus: Cores that each needs.
        what: Title of the progress bar.

    Raises:
        MissingDependencyError: If Ray is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # else Ray reports home
    ray = require("ray", "ray", "extract on a Ray cluster")
    place, path = os.getcwd(), child_environment()["PYTHONPATH"]

    # A function in a function goes to the workers as it is; they need not import this module.
    def work(command: Sequence[str]) -> int:
        environment = {**os.environ, "PYTHONPATH": path}
        return subprocess.run(command, cwd=place, env=environment, check=False).returncode

    ray.init()
    try:
        remote = ray.remote(num_gpus=gpus, num_cpus=cpus, max_retries=RETRIES)(work)
        tasks = [remote.remote(list(command)) for command in commands]
        waiting: list[Any] = tasks
        with progress((), what, total=len(tasks), unit="part") as bar:
            while waiting:
                done, waiting = ray.wait(waiting)
                bar.update(len(done))
        return ray.get(tasks)
    finally:
        ray.shutdown()
