"""Say what this installation is and can do: versions, extras, device, memory, models.

For a report of a problem, and to see what is missing before a command says so. Exit code 0.
"""

import argparse
import importlib.metadata
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmpt.config import load_task
from mmpt.config.derive import training_options
from mmpt.doctor.features import inspect_encoder
from mmpt.doctor.pretrained import inspect_bert
from mmpt.errors import MMPTError
from mmpt.utils.command import run_command
from mmpt.utils.hardware import hardware
from mmpt.utils.memory import available_memory
from mmpt.utils.units import format_bytes
from mmpt_cli.parser import CommandParser

__all__ = ["EXTRAS", "MODELS", "collect", "main", "make_parser"]

PACKAGES = ("torch", "transformers", "numpy", "fairseq")
EXTRAS = {
    "fairseq": "training, with fairseq itself, which make setup adds",
    "extract": "features of video files",
    "demo": "the rendered videos of make demo",
    "convert": "features that other projects ship in HDF5 or LMDB",
    "index": "neighbours among very many vectors, through FAISS",
    "serve": "mmpt serve, the search page",
    "torchcodec": "frames decoded on a GPU",
    "slurm": "training and extraction as jobs of Slurm",
    "ray": "extraction on a Ray cluster",
    "mteb": "the tasks of the benchmark mteb",
    "completion": "completion of mmpt in a shell",
    "dev": "tests and checks of the code",
}
"""Extra -> what it gives."""
_OFFICIAL = "put the official files there, or train it: mmpt launch"
MODELS = {
    "VideoCLIP": ("projects/retri/videoclip/how2.yaml", f"{_OFFICIAL} projects/retri/videoclip/how2.yaml"),
    "VLM": ("projects/mtm/vlm/how2.yaml", f"{_OFFICIAL} projects/mtm/vlm/how2.yaml"),
    "demo": ("projects/demo/how2.yaml", "make demo"),
}
"""Model -> its task, and what brings it."""
_REQUIREMENT = re.compile(r"([\w.-]+).*extra == ['\"]([\w-]+)['\"]")


def make_parser(prog: str = "mmpt info") -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = CommandParser(prog, __doc__, "mmpt info --json")
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = make_parser().parse_args(arguments)
    facts = collect()
    print(json.dumps(facts, indent=2) if options.json else "\n".join(_lines(facts)))
    return 0


def collect() -> dict[str, Any]:
    """Return all there is to say, as plain JSON."""
    import torch  # noqa: F401  # hardware() tells of GPUs if it is there

    machine = hardware()
    # fairseq may come under another name: by module, not by distribution.
    owners = importlib.metadata.packages_distributions()
    versions = machine.pop("versions") | {
        name: _version(owners[name][0]) if name in owners else None for name in PACKAGES
    }
    return {
        "versions": versions,
        **machine,
        "available_memory": available_memory(),
        "extras": _extras(),
        "models": {name: _missing(task) for name, (task, _) in MODELS.items()},
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _extras() -> dict[str, list[str] | None]:
    """Return the packages that every extra lacks; None for one that this installation does not know."""
    try:
        requirements = importlib.metadata.requires("mmpt") or []
    except importlib.metadata.PackageNotFoundError:  # a checkout that was never installed
        requirements = []
    packages: dict[str, list[str]] = {}
    for match in filter(None, map(_REQUIREMENT.match, requirements)):
        packages.setdefault(match[2], []).append(match[1])
    return {
        name: [each for each in packages[name] if _version(each) is None] if name in packages else None
        for name in EXTRAS
    }


def _missing(task: str) -> list[str]:
    """Return what a model lacks to encode videos and sentences."""
    try:
        config = load_task(task)
    except MMPTError as error:
        return [str(error)]
    checkpoint = Path(training_options(config.fairseq)["save_dir"], "checkpoint_best.pt")
    found = [inspect_encoder(config.extractor, features_are_there=False), inspect_bert(config)]
    lacks = [f"{each.what}, {each.path}" for each in found if each.is_fault]
    return lacks if checkpoint.is_file() else [f"checkpoint, {checkpoint}", *lacks]


def _lines(facts: dict[str, Any]) -> list[str]:
    versions = [f"{name} {version or 'is not installed'}" for name, version in facts["versions"].items()]
    free = facts["available_memory"]
    memory = f"{format_bytes(facts['memory'])} of memory"
    lines = [
        ", ".join(versions),
        f"{', '.join(facts['gpus']) or 'no GPU'}; {facts['processor']}, {facts['cores']} cores; {memory}"
        + (f", {format_bytes(free)} to be had" if free is not None else ""),
        "",
        "extras",
    ]
    for name, lacks in facts["extras"].items():
        if lacks is None:
            state = "unknown to this installation: pip install -e . in the checkout"
        else:
            state = f"lacks {', '.join(lacks)}: pip install 'mmpt[{name}]'" if lacks else "installed"
        lines.append(f"  {name:12s}{state} ({EXTRAS[name]})")
    lines += ["", "models"]
    for name, (task, origin) in MODELS.items():
        lacks = facts["models"][name]
        lines.append(f"  {name:12s}{'not ready' if lacks else 'ready'}: {task}")
        lines += [f"  {'':12s}{each}" for each in [*lacks, *([f"next: {origin}"] if lacks else [])]]
    return lines


if __name__ == "__main__":
    run_command(main)
