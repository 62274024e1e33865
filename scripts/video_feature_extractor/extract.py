"""Turn videos into features: ``extract.py --vdir VIDEOS --fdir FEATURES``.

One ``<id>.npy`` per video, a vector per second: 512 numbers of S3D, or those of the encoder that
``--type`` names. Existing features are skipped, so the command continues where it was stopped. It ends
with exit code 1 if a video has no features, and says why in ``<fdir>/extraction_report.json``. The same
command may run several times at once, on one machine or on many that share the folder: no video is made
twice.
"""

import argparse
import logging
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from mmpt.encoders import EncoderChoice
from mmpt.encoders.options import parse_options
from mmpt.errors import ConfigError, DataError
from mmpt.store.claims import Claims
from mmpt.store.crew import extract_with_workers, stop_with_parent
from mmpt.store.decode import Interpolation, decode_frames
from mmpt.store.decode_process import DecodeLimits, ProcessDecoder
from mmpt.store.decode_torchcodec import TorchcodecDecoder
from mmpt.store.extraction_report import REPORT_NAME, ExtractionReport, merge_parts, part_name
from mmpt.store.features import ExtractionSettings, Sibling, extract_features
from mmpt.store.paths import PLAN_NAME, PathBuilder, PathPlan, VideoJob, parse_part
from mmpt.store.sources import read_settings
from mmpt.utils.command import run_command
from mmpt.utils.device import pick_device
from mmpt_cli.cluster import CLUSTER_FILE
from mmpt_cli.extraction_jobs import JOB_TYPES, ExtractionJobs

logger = logging.getLogger("extract")

SHORT = ("fps", "size", "width", "output", "precision")
"""Options of encoders that have an option here."""


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--vdir", help="folders of videos, separated by commas; sub-folders are looked into")
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
    return parser.parse_args(arguments)


def threads(options: argparse.Namespace, clipwise: bool = False) -> int:
    cores = len(os.sched_getaffinity(0))
    # One core is left to decoding where every layer waits for its slowest thread; clips side by side do not.
    alone = cores if clipwise else max(1, cores - 1)
    workers = options.num_workers or 1
    return options.num_threads or (alone if workers == 1 else max(1, cores // workers))


def chosen_encoder(options: argparse.Namespace) -> EncoderChoice:
    short = [f"{name}={value}" for name in SHORT if (value := getattr(options, name)) is not None]
    return EncoderChoice(
        type=options.type,
        weights=options.weights,
        options=parse_options([*short, *options.option]),
        plugins=tuple(options.plugin),
    )


def build_decoder(options: argparse.Namespace, interpolation: Interpolation) -> ProcessDecoder:
    limits = DecodeLimits(
        stall=options.decode_stall,
        seconds=options.decode_seconds,
        frames=options.decode_frames,
        memory=options.decode_memory * 2**30,
    )
    if options.decoder == "pyav":
        return ProcessDecoder(partial(decode_frames, interpolation=interpolation), limits)
    if options.decode_device.startswith("cuda"):  # whose driver takes more than it uses
        limits = replace(limits, memory=math.inf)
    decoder = TorchcodecDecoder(options.decode_device, interpolation=interpolation)
    return ProcessDecoder(decoder, limits)


def find_videos(options: argparse.Namespace, part: tuple[int, int] | None) -> tuple[PathPlan, list[VideoJob]]:
    """Return the plan, and the videos of a part; from a file only that part is read."""
    if options.plan:
        plan = PathPlan.load(options.plan, options.fdir, part)
        return plan, plan.jobs
    if options.vdir is None:
        raise ConfigError("Give --vdir, the folders of the videos, or --plan, the plan of an earlier run.")
    plan = PathBuilder(options.vdir.split(","), options.fdir).build()
    return plan, plan.part(*part).jobs if part else plan.jobs


def save_plan(plan: PathPlan, options: argparse.Namespace) -> None:
    with Claims(options.fdir) as claims:
        plan.save(options.fdir / PLAN_NAME, claims.ticket.temporary)


def extract(
    plan: PathPlan, jobs: Sequence[VideoJob], options: argparse.Namespace, report_name: str
) -> ExtractionReport:
    """Extract in this process."""
    device = pick_device(options.device)
    encoder = chosen_encoder(options).build(device)
    torch.set_num_threads(threads(options, encoder.spec.clipwise))
    settings = ExtractionSettings(
        l2_normalize=None if options.l2_normalize is None else bool(options.l2_normalize),
        dtype="float16" if options.half_precision else "float32",
        batch_size=options.batch_size,
        decoding_threads=options.num_decoding_thread,
        device=str(device),
    )
    sibling = Sibling.parse(options.sibling) if options.sibling else None
    if not options.plan:
        save_plan(plan, options)
    with build_decoder(options, encoder.spec.interpolation) as decoder:
        return extract_features(jobs, encoder, settings, decoder, report_name=report_name, sibling=sibling)


def worker_command(
    arguments: Sequence[str], options: argparse.Namespace, sibling: Sibling, plan: Path
) -> list[str]:
    """Return the command of one of several workers: the same one, with later options overriding."""
    more = ["--num_workers", "1", "--sibling", str(sibling), "--plan", str(plan)]
    more += ["--num_threads", str(threads(options))]
    if options.device in (None, "cuda") and torch.cuda.is_available():
        more += ["--device", f"cuda:{sibling.number % torch.cuda.device_count()}"]
    return [sys.executable, __file__, *arguments, *more]


def extract_part(
    arguments: Sequence[str],
    options: argparse.Namespace,
    plan: PathPlan,
    jobs: Sequence[VideoJob],
    part: tuple[int, int] | None,
) -> ExtractionReport:
    """Extract all videos or one part, in this process or in several."""
    report_name = part_name(*part) if part else REPORT_NAME
    if (options.num_workers or 1) > 1:
        if not options.plan:
            save_plan(plan, options)
        command = partial(worker_command, arguments, options)
        report = extract_with_workers(jobs, command, options.num_workers, report_name)
    else:
        report = extract(plan, jobs, options, report_name)
    if part:
        merge_parts(options.fdir, part[1], read_settings(options.fdir))
    return report


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
        commands.append([sys.executable, __file__, *arguments, *more, "--split", split])
    if not jobs.run(commands, options.fdir / "slurm", options.wait):
        logger.info("%s will have the reports of the parts that are done", options.fdir / REPORT_NAME)
        return None
    report, missing = merge_parts(options.fdir, options.num_jobs, read_settings(options.fdir))
    if missing:
        raise DataError(
            f"Parts of the extraction have failed, see their logs: {', '.join(map(str, missing))}."
        )
    return report


def tell(report: ExtractionReport, plan: PathPlan) -> None:
    for video_id, reason in report.failed.items():
        logger.error("%s: %s", video_id, reason)
    for video_id, others in plan.duplicates.items():
        logger.warning("%s: left out, because the id is taken: %s", video_id, ", ".join(others))
    logger.info(
        "%d videos done (%d s of video in %.1f s), %d skipped, %d failed, %d other files",
        report.done,
        report.video_seconds,
        report.wall_seconds,
        report.skipped,
        len(report.failed),
        plan.other_files,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    arguments = sys.argv[1:] if arguments is None else arguments
    options = parse(arguments)
    for name in ("num_workers", "num_threads", "num_jobs"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise ConfigError(f"--{name} must be at least 1, got {value}.")
    if options.sibling:
        stop_with_parent()
        extract(*find_videos(options, None), options, REPORT_NAME)
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
        report = extract_part(arguments, options, plan, jobs, part)
    if report is None:
        return 0
    tell(report, plan)
    return 1 if report.failed and not options.allow_missing else 0


if __name__ == "__main__":
    run_command(main)
