"""Expand a project, or run a task, on this machine or on a Slurm cluster.

What it does depends on the file::

    mmpt launch projects/retri/videoclip.yaml              write its task files
    mmpt launch projects/retri/videoclip/how2.yaml         run one task
    mmpt launch projects/retri/videoclip.yaml --run        run all stages of the project
    mmpt launch projects/retri/videoclip/how2.yaml --jobtype slurm_big    queue a task

Add --dryrun to see the commands; nothing is then run or created. To train in several processes that
something else starts, on one machine or many: torchrun --nproc-per-node 8 -m mmpt_cli.train TASK.yaml
"""

import argparse
from collections.abc import Sequence

from mmpt.config.project import is_project
from mmpt.utils.command import run_command
from mmpt_cli.localjob import JOB_TYPES, JobStatus, LocalJob
from mmpt_cli.parser import CommandParser
from mmpt_cli.project import expand_project, stages, write_project
from mmpt_cli.report import print_reports
from mmpt_cli.slurmjob import make_job
from mmpt_cli.stages import run_stage, run_stages

__all__ = ["main", "make_parser"]

ENDED = (JobStatus.DONE, JobStatus.FAILED)


def make_parser(prog: str = "mmpt launch") -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = CommandParser(prog, __doc__, "mmpt launch projects/retri/videoclip/how2.yaml --dryrun")
    parser.add_argument("yamls", help="project or task files, separated by commas")
    parser.add_argument("--jobtype", choices=sorted(JOB_TYPES), help="overrides the task_type of the tasks")
    parser.add_argument("--cluster", metavar="FILE", help="settings of slurm_ jobs (default: cluster.yaml)")
    parser.add_argument("--dryrun", action="store_true", help="print what would be done, do nothing")
    parser.add_argument("--run", action="store_true", help="run the stages (run_task) of a project")
    parser.add_argument("--from-stage", type=int, default=1, metavar="N", help="first stage that --run runs")
    parser.add_argument(
        "--parallel", type=int, metavar="N", help="most tasks at once in a stage (default: all)"
    )
    return parser


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the parsed command line."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    if options.from_stage < 1 or (options.parallel is not None and options.parallel < 1):
        parser.error("--from-stage and --parallel count from 1")
    if not options.yamls.strip(","):
        parser.error("the names of the files are empty; give a project or task file")
    return options


def stage_job(task: str, options: argparse.Namespace) -> LocalJob:
    """Return the job of a task in a project; ``--jobtype`` does not turn evaluations into training."""
    job = LocalJob(task)
    name = options.jobtype
    if job.predicts and name is not None and not JOB_TYPES[name].cpu:
        name = "slurm_predict" if JOB_TYPES[name].slurm else None
    return make_job(task, name, options.dryrun, options.cluster)


def launch_project(path: str, options: argparse.Namespace) -> int:
    """Write the task files of a project and, with ``--run``, run its stages."""
    tasks = expand_project(path)
    if not options.dryrun:
        write_project(path, tasks)
    if not options.run:
        print("\n".join([f"{len(tasks)} tasks {'would be ' if options.dryrun else ''}written:", *tasks]))
        return 0
    jobs = [[stage_job(task, options) for task in stage] for stage in stages(path)]
    if not options.dryrun:  # Better now than after days of training.
        for job in (each for stage in jobs[options.from_stage - 1 :] for each in stage):
            job.require_gpu()
    again = f"mmpt launch {path} --run"
    if options.jobtype:
        again += f" --jobtype {options.jobtype}"
    code = run_stages(jobs, again, options.from_stage, options.parallel)
    if not options.dryrun:
        print_reports(job.folder for stage in jobs for job in stage if job.status in ENDED)
    return code


def launch_task(path: str, options: argparse.Namespace) -> int:
    """Run one task, or queue it, and return its exit code."""
    job = make_job(path, options.jobtype, options.dryrun, options.cluster)
    if job.type.slurm:
        job.submit()
        if not options.dryrun:
            print_reports([job.folder], ended=False)
        return 0
    failed = run_stage([job])
    if failed:
        print(f"{path} failed with exit code {job.exit_code}; its own messages are above.")
    if not options.dryrun:
        print_reports([job.folder])
    return job.exit_code


def main(arguments: Sequence[str] | None = None) -> int:
    """Launch every file of the command line in order; stop at the first failure."""
    options = parse(arguments)
    for path in filter(None, options.yamls.split(",")):
        code = (launch_project if is_project(path) else launch_task)(path, options)
        if code:
            return code
    return 0


if __name__ == "__main__":
    run_command(main)
