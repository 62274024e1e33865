"""The work of ``mmpt extract``: videos to features in this process, or in several that it starts."""

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from mmpt.encoders import EncoderChoice
from mmpt.encoders.options import parse_options
from mmpt.store.crew import extract_with_workers, stop_with_parent
from mmpt.store.decode import Interpolation, decode_frames
from mmpt.store.decode_process import DecodeLimits, ProcessDecoder
from mmpt.store.decode_torchcodec import TorchcodecDecoder
from mmpt.store.extraction_report import REPORT_NAME, ExtractionReport, merge_parts, part_name
from mmpt.store.features import ExtractionSettings, Sibling, extract_features
from mmpt.store.paths import PathPlan, VideoJob
from mmpt.store.sources import read_settings
from mmpt.utils.device import pick_device
from mmpt.utils.parallel import core_count
from mmpt_cli.extraction_plan import find_videos, save_plan

__all__ = ["extract", "extract_as_sibling", "extract_part", "threads", "worker_command"]


def threads(options: argparse.Namespace, clipwise: bool = False) -> int:
    """Return how many threads a network gets on a CPU."""
    cores = core_count()
    # One core is left to decoding where every layer waits for its slowest thread; clips side by side do not.
    alone = cores if clipwise else max(1, cores - 1)
    workers = options.num_workers or 1
    return options.num_threads or (alone if workers == 1 else max(1, cores // workers))


def chosen_encoder(options: argparse.Namespace) -> EncoderChoice:
    """Return the encoder that the options name."""
    return EncoderChoice(
        type=options.type,
        weights=options.weights,
        options=parse_options(options.option),
        plugins=tuple(options.plugin),
    )


def build_decoder(options: argparse.Namespace, interpolation: Interpolation) -> ProcessDecoder:
    """Return what decodes, within the limits that the options set."""
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
    return [sys.executable, "-m", "mmpt_cli.extract", *arguments, *more]


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


def extract_as_sibling(options: argparse.Namespace) -> None:
    """Extract as one of several workers, until the list is done or the process that started this one ends."""
    stop_with_parent()
    extract(*find_videos(options, None), options, REPORT_NAME)
