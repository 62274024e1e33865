"""Run every benchmark and write benchmarks/RESULTS.md: ``python -m benchmarks.run [NAME ...]``.

A benchmark is a file ``benchmarks/bench_<name>.py`` with a function ``run()`` that returns rows
``(what, value, unit, comparison)``; the comparison is a factor (shown as ``12.3×``), a text, or None.
Each runs in a process of its own, so that threads and peak memory of one do not show in another.
With names, only those are run and their sections replaced: every section says of which commit it is.
"""

import argparse
import importlib
import inspect
import multiprocessing
import platform
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from mmpt.errors import ConfigError
from mmpt.evaluators.results import code_version
from mmpt.utils.command import run_command
from mmpt.utils.files import atomic_write
from mmpt.utils.hardware import hardware
from mmpt.utils.units import utc_now

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "RESULTS.md"
PACKAGES = ["torch", "numpy", "transformers", "fairseq-fixed", "av", "faiss-cpu"]

Row = tuple[str, float, str, float | str | None]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help="such as loader; default: all")
    chosen = parser.parse_args(arguments).names
    known = benchmark_names()
    unknown = sorted(set(chosen) - set(known))
    if unknown:
        raise ConfigError(f"There is no benchmark '{unknown[0]}'. Known: {', '.join(known)}.")
    sections = read_sections() if chosen else {}
    for name in chosen or known:
        print(f"{name} ...", flush=True)
        sections[name] = section(name, *measure(name))
        print(sections[name], flush=True)
        with atomic_write(RESULTS, "w") as stream:
            stream.write("\n".join([heading(), *(sections[each] for each in known if each in sections)]))
    print(f"wrote {RESULTS.relative_to(FOLDER.parent)}")
    return 0


def read_sections() -> dict[str, str]:
    """Return the sections that RESULTS.md holds, by the name of their benchmark."""
    text = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else ""
    parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]
    return {part[3:].split(":")[0]: part.rstrip("\n") + "\n" for part in parts}


def benchmark_names() -> list[str]:
    return sorted(path.stem.removeprefix("bench_") for path in FOLDER.glob("bench_*.py"))


def measure(name: str) -> tuple[str, list[Row]]:
    """Run one benchmark in a fresh process; return its first docstring line and its rows."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(call, name).result()


def call(name: str) -> tuple[str, list[Row]]:
    module = importlib.import_module(f"benchmarks.bench_{name}")
    return (inspect.getdoc(module) or name).split("\n")[0], list(module.run())


def section(name: str, title: str, rows: Iterable[Row]) -> str:
    """Return a heading, what was measured when, and a table in Markdown."""
    title = title.rstrip(".").replace("``", "`")
    lines = [
        f"## {name}: {title}\n",
        f"Measured {utc_now()}{commit()}.\n",
        "| what | value | compared |",
        "|:--|--:|--:|",
    ]
    lines += [f"| {what} | {number(value)} {unit} | {compared(ratio)} |" for what, value, unit, ratio in rows]
    return "\n".join(lines) + "\n"


def number(value: float) -> str:
    """Return three digits that matter: 12 345, 123, 12.3, 0.123."""
    return f"{value:,.0f}".replace(",", " ") if abs(value) >= 100 else f"{value:.3g}"


def compared(ratio: float | str | None) -> str:
    return "" if ratio is None else ratio if isinstance(ratio, str) else f"{number(ratio)}×"


def heading() -> str:
    machine = hardware()
    memory = f"{machine['memory'] / 2**30:.0f} GiB memory"
    facts = [
        "Measured with `make bench`; `python -m benchmarks.run NAME` renews one section.",
        f"Machine: {machine['processor']}, {machine['cores']} cores in use, {memory}, {gpu()}.",
        f"Python {platform.python_version()}, {', '.join(package_versions())}.",
    ]
    return "# Benchmarks\n\n" + "\n".join(f"{fact}  " for fact in facts) + "\n"


def commit() -> str:
    found = code_version()["commit"]
    return f", commit {found[:12]}" if found else ""


def package_versions() -> list[str]:
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"no {package}")
    return found


def gpu() -> str:
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else "no GPU"


if __name__ == "__main__":
    run_command(main)
