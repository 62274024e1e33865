"""Start-up of ``mmpt``: the whole process, from the shell's view.

The empty interpreter shows how much of it is Python itself. Run: python -m benchmarks.bench_startup
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
RUNS = 11
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "mmpt --help": ["-m", "mmpt_cli.main", "--help"],
    "mmpt extract --help": ["-m", "mmpt_cli.main", "extract", "--help"],
    "mmpt launch projects/retri/videoclip.yaml --dryrun": [
        *["-m", "mmpt_cli.main", "launch"],
        *["projects/retri/videoclip.yaml", "--dryrun"],
    ],
    "mmpt launch projects/retri/videoclip/test_vtt_zs.yaml --dryrun": [
        *["-m", "mmpt_cli.main", "launch"],
        *["projects/retri/videoclip/test_vtt_zs.yaml", "--dryrun"],
    ],
}


def seconds(command: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, *command], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begin


def run() -> list[tuple[str, float, str, str]]:
    """Return (command, median seconds, unit, slowest of the runs)."""
    rows = []
    for name, command in COMMANDS.items():
        seconds(command)  # fills the disk cache and writes the byte code
        times = [seconds(command) for _ in range(RUNS)]
        rows.append((f"`{name}`", statistics.median(times), "s", f"slowest of {RUNS}: {max(times):.2f} s"))
    return rows


if __name__ == "__main__":
    for name, value, unit, slowest in run():
        print(f"{name:75s} {value:.3f} {unit}, {slowest}")
