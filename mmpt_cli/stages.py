"""Running a list of stages: the jobs of one stage in parallel, the stages one after the other."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from mmpt_cli.localjob import JobStatus, LocalJob

__all__ = ["run_stage", "run_stages"]

POLL_SECONDS = 0.2


def run_stage(
    jobs: Sequence[LocalJob],
    parallel: int | None = None,
    done: Callable[[LocalJob], None] = lambda job: None,
) -> list[LocalJob]:
    """Run jobs until all have ended, and return those that failed.

    One that fails does not end the others: they do not depend on it. An interruption ends all.

    Args:
        jobs: The jobs.
        parallel: How many may run at once; None means all.
        done: Called with each job that ends well, as soon as it does.
    """
    waiting = list(jobs)
    running: list[LocalJob] = []
    try:
        while waiting or running:
            while waiting and (parallel is None or len(running) < parallel):
                running.append(waiting.pop(0))
                running[-1].submit()
            ended = [job for job in running if job.status is not JobStatus.RUNNING]
            running = [job for job in running if job not in ended]
            for job in ended:
                if job.status is JobStatus.DONE:
                    done(job)
            if running:
                time.sleep(POLL_SECONDS)
    finally:
        for job in running:
            job.stop()
    return [job for job in jobs if job.status is JobStatus.FAILED]


def run_stages(
    stages: Sequence[Sequence[LocalJob]], again: str, first: int = 1, parallel: int | None = None
) -> int:
    """Run stages in order, a line for each, and stop after one that fails.

    Args:
        stages: The jobs of each stage.
        again: Command to which ``--from-stage N`` is added to go on after a failure.
        first: Number of the stage to begin with, from 1.
        parallel: How many jobs of a stage may run at once; None means all.

    Returns:
        0, or the exit code of the first job that failed.
    """
    for number, jobs in list(enumerate(stages, start=1))[first - 1 :]:
        title = f"stage {number}/{len(stages)} ({', '.join(Path(job.path).stem for job in jobs)})"
        print(f"{title}: started", flush=True)
        begin = time.monotonic()
        failed = run_stage(jobs, parallel)
        seconds = time.monotonic() - begin
        if failed:
            for job in failed:
                print(f"{title}: {job.path} failed with exit code {job.exit_code} after {seconds:.0f} s")
            print(
                f"The stages after it did not run. To go on from here: {again} --from-stage {number}",
                flush=True,
            )
            return failed[0].exit_code
        print(f"{title}: done in {seconds:.0f} s", flush=True)
    return 0
