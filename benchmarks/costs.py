"""What it costs to prepare HowTo100M, from the measured rates: ``python -m benchmarks.costs``.

Reads RESULTS.md and writes the table in DATASET.md: how much, at which rate, so how long.
"""

import re
from pathlib import Path
from typing import NamedTuple

from benchmarks.run import RESULTS, number
from mmpt.errors import DataError
from mmpt.utils.command import run_command
from mmpt.utils.files import atomic_write
from mmpt.utils.units import format_seconds

DATASET = Path(__file__).parent.parent / "DATASET.md"
VIDEOS, SECONDS, CAPTIONS = 1_200_000, 390, 136_000_000
"""Videos of HowTo100M, seconds of one on average, captions."""
CLIPS = VIDEOS * SECONDS
BYTES = CLIPS * 512 * 2
"""A vector of 512 float16 numbers per second."""
HEADER = "| step | how much | rate | time |"


class Step(NamedTuple):
    """A part of the work."""

    name: str
    amount: float
    unit: str
    measured: str
    """Its row in RESULTS.md."""


STEPS = (
    Step("decoding at 360p, 2 cores", CLIPS * 30, "frames", "360p, squares, 2 processes"),
    Step("S3D in float32, 2 cores", CLIPS, "clips", "S3D: ours, float32"),
    Step("S3D in bfloat16, 2 cores", CLIPS, "clips", "S3D: ours, bfloat16"),
    Step("packing", BYTES / 1e6, "MB", "packing shards"),
    Step("checking, files in the cache", BYTES / 1e6, "MB", "checking shards"),
    Step("cleaning captions, 2 cores", CAPTIONS, "captions", "removing repeats, two processes"),
    Step("tokenising, 2 cores", CAPTIONS, "captions", "tokenising to shards, two processes"),
)


def main() -> int:
    text, table = DATASET.read_text(encoding="utf-8"), costs_table(RESULTS.read_text(encoding="utf-8"))
    before = re.compile(rf"^{re.escape(HEADER)}\n(\|.*\n)+", re.MULTILINE)
    with atomic_write(DATASET, "w") as stream:
        stream.write(before.sub(lambda _: table, text, count=1))
    return 0


def costs_table(results: str) -> str:
    """Return the table, from the text of RESULTS.md."""
    lines = [HEADER, "|:--|--:|--:|--:|"]
    for step in STEPS:
        rate = measured(results, step)
        lines.append(
            f"| {step.name} | {number(step.amount)} {step.unit} | {number(rate)} {step.unit}/s "
            f"| {format_seconds(step.amount / rate)} |"
        )
    return "\n".join(lines) + "\n"


def measured(results: str, step: Step) -> float:
    """Return the rate of a step."""
    row = re.search(rf"^\| {re.escape(step.measured)} \| ([\d. ]+) {step.unit}/s \|", results, re.MULTILINE)
    if row is None:
        raise DataError(f"{RESULTS} has no rate '{step.measured}' in {step.unit}/s; run: make bench")
    return float(row[1].replace(" ", ""))


if __name__ == "__main__":
    run_command(main)
