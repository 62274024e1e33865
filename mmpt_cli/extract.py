"""Turn videos into features: one ``<id>.npy`` per video, a vector per second.

512 numbers of S3D, or those of the encoder that --type names. Existing features are skipped, so the
command continues where it was stopped. It ends with exit code 1 if a video has no features, and says why
in <fdir>/extraction_report.json. The same command may run several times at once, on one machine or on
many that share the folder: no video is made twice.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mmpt.errors import ConfigError
from mmpt.store.decode_process import DecodeLimits
from mmpt.store.extraction_report import REPORT_NAME, ExtractionReport
from mmpt.store.paths import PLAN_NAME, PathPlan, parse_part
from mmpt.utils.command import run_command
from mmpt.utils.logging import get_logger
from mmpt_cli.cluster import CLUSTER_FILE
from mmpt_cli.extraction_jobs import JOB_TYPES, extract_on_cluster
from mmpt_cli.extraction_plan import find_videos, save_plan
from mmpt_cli.parser import CommandParser

__all__ = ["main", "make_parser", "parse"]

SHORT = ("fps", "size", "width", "output", "precision")
"""Options of encoders that have an option here."""
FEW = 20
"""Videos of a kind that are named at the end."""

logger = get_logger(__name__)


def make_parser(prog: str = "mmpt extract") -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = CommandParser(prog, __doc__, "mmpt extract --vdir videos --fdir features --type s3d")
    add = parser.add_argument
    add("--vdir", help="folders of videos, separated by commas; one level of sub-folders is looked into")
    add("--fdir", type=Path, required=True, help="folder of the features")
    add("--plan", help=f"a {PLAN_NAME} of an earlier run, in place of --vdir: nothing is looked for")
    add("--plan_only", action="store_true", help=f"write <fdir>/{PLAN_NAME} and stop")
    add("--split", help="make one part of the videos only: 0/4, 1/4, 2/4 or 3/4, such as in a job array")
    add(
        "--num_workers", type=int, help="processes with a network each, shared out over the GPUs (default: 1)"
    )
    add("--jobtype", default="local", choices=["local", *JOB_TYPES], help="where; 0, 1, 2 or 8 GPUs a job")
    add("--num_jobs", type=int, default=1, help="jobs on the cluster, each for one part of the videos")
    add("--cluster", type=Path, help=f"settings of the cluster (default: {CLUSTER_FILE})")
    add("--cluster_config", help="group of these settings (default: the one called default)")
    add("--wait", action="store_true", help="wait for jobs of Slurm and add up their reports")
    add("--allow_missing", action="store_true", help="exit code 0 even if videos have no features")
    add("--sibling", help=argparse.SUPPRESS)
    add("--type", default="s3d", help="encoder: s3d, huggingface, or one that a plugin brings")
    add("--plugin", action="append", default=[], help="file or module that registers encoders; repeatable")
    add("--weights", help="file or folder of its weights; default: pretrained_models/s3d_howto100m.pth")
    add("--option", action="append", default=[], help="NAME=VALUE, what it takes beside; repeatable")
    for name in SHORT:
        add(f"--{name}", help=f"short for --option {name}=...")
    add("--num_decoding_thread", type=int, default=4, help="videos decoded at a time, each in a process")
    add("--decoder", default="pyav", choices=["pyav", "torchcodec"], help="what decodes")
    add("--decode_device", default="cpu", help="where torchcodec decodes, such as cuda")
    limits = DecodeLimits()
    add("--decode_stall", type=float, default=limits.stall, help="seconds without a new frame, at most")
    add("--decode_seconds", type=float, default=limits.seconds, help="seconds to decode a video, at most")
    add("--decode_frames", type=float, default=limits.frames, help="frames of a video, at most")
    add(
        "--decode_memory",
        type=float,
        default=limits.memory / 2**30,
        help="GiB to decode a video, at most; not on GPUs",
    )
    add("--batch_size", type=int, default=32, help="clips (seconds) encoded at a time")
    add("--half_precision", type=int, default=1, choices=[0, 1], help="1 saves float16, 0 float32")
    add("--l2_normalize", type=int, choices=[0, 1], help="1 scales vectors to length 1; default: as it says")
    add("--device", help="cpu, cuda or cuda:<n>; default: a GPU if there is one")
    add("--num_threads", type=int, help="threads of each network on a CPU; default: what the cores allow")
    return parser


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the parsed command line.

    Raises:
        ConfigError: If a number makes no sense.
    """
    options = make_parser().parse_args(arguments)
    short = [f"{name}={value}" for name in SHORT if (value := getattr(options, name)) is not None]
    options.option = [*short, *options.option]
    for name in ("num_workers", "num_threads", "num_jobs"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise ConfigError(f"--{name} must be at least 1, got {value}.")
    return options


def tell(report: ExtractionReport, plan: PathPlan, folder: Path) -> None:
    """Say how it went: the first of what failed and was left out, the numbers, and where all of it stands."""
    failed = sorted(report.failed.items())
    for video_id, reason in failed[:FEW]:
        logger.error("%s: %s", video_id, reason)
    if len(failed) > FEW:
        logger.error("... and %d more", len(failed) - FEW)
    taken = {job.video_id: job.video for job in plan.jobs if job.video_id in plan.duplicates}
    for video_id, others in list(plan.duplicates.items())[:FEW]:
        by = f" by {taken[video_id]}" if video_id in taken else ""
        logger.warning("%s: left out, because the id is taken%s: %s", video_id, by, ", ".join(others))
    if len(plan.duplicates) > FEW:
        logger.warning("... and %d more, in %s", len(plan.duplicates) - FEW, folder / PLAN_NAME)
    for deep in plan.too_deep[:FEW]:
        logger.warning("%s: videos two levels below --vdir are left out; give this folder, too", deep)
    if len(plan.too_deep) > FEW:
        logger.warning("... and %d more, in %s", len(plan.too_deep) - FEW, folder / PLAN_NAME)
    logger.info(
        "%d videos done (%d s of video in %.1f s), %d skipped, %d failed, %d other files",
        report.done,
        report.video_seconds,
        report.wall_seconds,
        report.skipped,
        len(report.failed),
        plan.other_files,
    )
    logger.info("%s says all%s", folder / REPORT_NAME, f"; {report.limit}" if report.limit else "")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = parse(arguments)
    if options.sibling:
        from mmpt_cli.extraction import extract_as_sibling

        extract_as_sibling(options)
        return 0
    part = parse_part(options.split) if options.split else None
    if part and options.jobtype != "local":
        raise ConfigError(
            "Jobs on a cluster split the videos themselves: give --num_jobs in place of --split."
        )
    plan, jobs = find_videos(options, part)
    if options.plan_only:
        save_plan(plan, options)
        logger.info("%d videos planned in %s", len(plan.jobs), options.fdir / PLAN_NAME)
        return 0
    if options.jobtype != "local":
        report = extract_on_cluster(arguments, options, plan)
    else:
        from mmpt_cli.extraction import extract_part

        report = extract_part(arguments, options, plan, jobs, part)
    if report is None:
        return 0
    tell(report, plan, options.fdir)
    return 1 if report.failed and not options.allow_missing else 0


if __name__ == "__main__":
    run_command(main)
