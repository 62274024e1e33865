"""An extraction in which everything is small: made-up videos, a mean as encoder. Also a program, for workers.

A video is a name such as ``v3``: 3 seconds and a half of 4 frames each; second s is grey 10 s + the sum of
the letters of its name. ``bad...`` cannot be decoded, ``fatal...`` kills its process, ``waits...``
never ends.
"""

import argparse
import hashlib
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch

from mmpt.errors import DataError
from mmpt.store.crew import extract_with_workers, stop_with_parent
from mmpt.store.encoder import EncoderSpec
from mmpt.store.features import ExtractionSettings, Sibling, extract_features
from mmpt.store.paths import PathPlan, VideoJob
from mmpt.utils.command import run_command

FPS = 4


def slow_decoder(path, fps, size, *, pause=0.0, diary=None):
    """Frames of a made-up video; ``diary`` is a file that notes each video that was begun."""
    name = Path(path).name
    if diary:
        with open(diary, "a") as stream:
            stream.write(f"{name}\n")
    if name.startswith("fatal"):
        os.kill(os.getpid(), signal.SIGKILL)
    if name.startswith("waits"):
        time.sleep(1000)
    number = int("".join(filter(str.isdigit, name)))
    for second in range(number % 5):
        time.sleep(pause)
        yield from [np.full((size, size, 3), (10 * second + sum(name.encode())) % 256, np.uint8)] * fps
    if name.startswith("bad"):
        raise DataError(f"The video {path} is damaged.")
    yield from [np.full((size, size, 3), 200, np.uint8)] * (fps // 2)


class MeanEncoder:
    """(mean of the pixels in 0..1, 1, 0) of every second; ``spy`` sees every batch before."""

    def __init__(self, spy=None, **facts):
        self.spy = spy
        self.spec = EncoderSpec(**{"name": "fake", "dim": 3, "fps": FPS, "size": 2, **facts})

    def __call__(self, frames):
        if self.spy:
            self.spy(frames)
        mean = self.spec.normalized(frames).mean(dim=(1, 2, 3, 4))
        return torch.stack([mean, torch.ones_like(mean), torch.zeros_like(mean)], dim=1)


mean_encoder = MeanEncoder()


def settings(**changes):
    return ExtractionSettings(**{"batch_size": 3, "decoding_threads": 2, **changes})


def jobs(folder, names):
    return [
        VideoJob(name, Path("videos") / name, Path(folder) / "features" / f"{name}.npy")
        for name in sorted(names)
    ]


def extract(folder, names, pause=0.0, diary=None, sibling=None):
    torch.set_num_threads(1)
    decoder = partial(slow_decoder, pause=pause, diary=diary)
    return extract_features(jobs(folder, names), mean_encoder, settings(), decoder, sibling=sibling)


def contents(folder):
    """Everything that an extraction leaves, except when and how long: name -> checksum."""
    left = {}
    for path in sorted(Path(folder, "features").rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and path.name != "extraction_report.json":
            left[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        elif path.is_dir():
            left[name] = "folder"
    return left


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--names", default="")
    parser.add_argument("--num_workers", type=int, default=1)
    parser.add_argument("--pause", type=float, default=0.0)
    parser.add_argument("--plan")
    parser.add_argument("--sibling")
    options = parser.parse_args()
    names = options.names.split(",")

    def command(sibling, plan):
        return [sys.executable, __file__, *sys.argv[1:], "--sibling", str(sibling), "--plan", str(plan)]

    if options.sibling:
        stop_with_parent()
        names = [job.video_id for job in PathPlan.load(options.plan, options.folder / "features").jobs]
        sibling = Sibling.parse(options.sibling)
        extract(options.folder, names, options.pause, options.folder / "diary", sibling)
        return 0
    return bool(extract_with_workers(jobs(options.folder, names), command, options.num_workers).failed)


if __name__ == "__main__":
    run_command(main)
