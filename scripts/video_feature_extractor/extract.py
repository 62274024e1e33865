"""Turn videos into features: ``extract.py --vdir VIDEOS --fdir FEATURES``.

One ``<id>.npy`` per video, a 512-vector per second. Existing features are skipped, so the command
continues where it was stopped. It ends with exit code 1 if a video has no features, and says why in
``<fdir>/extraction_report.json``.
"""

import argparse
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import torch

from mmpt.encoders.s3d import load_s3d
from mmpt.errors import ConfigError
from mmpt.store.features import Encoder, ExtractionSettings, extract_features
from mmpt.store.paths import PLAN_NAME, PathBuilder
from mmpt.utils.command import run_command
from mmpt.utils.device import pick_device
from mmpt.utils.files import sha256

logger = logging.getLogger("extract")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--vdir", required=True, help="folders of videos, separated by commas; sub-folders are looked into")
    add("--fdir", type=Path, required=True, help="folder of the features")
    add("--type", default="s3d", choices=["s3d"], help="network")
    add("--num_decoding_thread", type=int, default=4, help="videos decoded at a time")
    add("--batch_size", type=int, default=32, help="seconds encoded at a time")
    add("--half_precision", type=int, default=1, choices=[0, 1], help="1 saves float16, 0 float32")
    add("--l2_normalize", type=int, default=1, choices=[0, 1], help="1 scales every vector to length 1")
    add("--weights", default="pretrained_models/s3d_howto100m.pth", help="weights of the network")
    add("--dict", default=None, help="words of the network's text side; not needed for features")
    add("--width", type=float, default=1.0, help="width factor the weights were trained with")
    add("--fps", type=int, default=30, help="frames per second; even")
    add("--size", type=int, default=224, help="height and width of a frame in pixels; even")
    add("--device", help="cpu, cuda or cuda:<n>; default: a GPU if there is one")
    cores = len(os.sched_getaffinity(0))
    # One core is left to decoding: on two cores the network with two threads is slower than with one.
    add("--num_threads", type=int, default=max(1, cores - 1), help="threads of the network on a CPU")
    add("--bfloat16", action="store_true", help="encode in bfloat16: faster on new hardware, less exact")
    return parser.parse_args(arguments)


def build_encoder(options: argparse.Namespace, device: torch.device) -> Encoder:
    network = load_s3d(options.weights, options.dict, options.width).to(device)
    network = network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    return lambda frames: network(frames)["video_embedding"]


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    plan = PathBuilder(options.vdir.split(","), options.fdir).build()
    if options.num_threads < 1:
        raise ConfigError(f"--num_threads must be at least 1, got {options.num_threads}.")
    torch.set_num_threads(options.num_threads)
    device = pick_device(options.device)
    encoder = build_encoder(options, device)
    settings = ExtractionSettings(
        extractor=f"{options.type} {Path(options.weights).name} {sha256(options.weights)[:16]}",
        fps=options.fps,
        size=options.size,
        l2_normalize=bool(options.l2_normalize),
        dtype="float16" if options.half_precision else "float32",
        batch_size=options.batch_size,
        decoding_threads=options.num_decoding_thread,
        device=str(device),
        bfloat16=options.bfloat16,
    )
    plan.save(options.fdir / PLAN_NAME)
    report = extract_features(plan.jobs, encoder, settings)
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
    return 1 if report.failed else 0


if __name__ == "__main__":
    run_command(main)
