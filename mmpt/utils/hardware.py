"""What a program computes on, in words that name no machine: processor, memory, GPUs, versions."""

import os
import platform
import sys
from pathlib import Path
from typing import Any

import mmpt
from mmpt.utils.parallel import core_count

__all__ = ["hardware"]

_CPUINFO = Path("/proc/cpuinfo")


def hardware() -> dict[str, Any]:
    """Return processor, cores that this process may use, memory, GPUs, and versions, as plain JSON.

    GPUs are told where torch has been imported.
    """
    facts: dict[str, Any] = {
        "processor": _processor(),
        "cores": core_count(),
        "memory": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
    }
    versions = {"mmpt": mmpt.__version__, "Python": platform.python_version()}
    if torch := sys.modules.get("torch"):
        cuda = torch.cuda
        names = [cuda.get_device_name(n) for n in range(cuda.device_count())] if cuda.is_available() else []
        facts["gpus"] = names
        versions["torch"] = torch.__version__
    return facts | {"versions": versions}


def _processor() -> str:
    """Return the model of the processor; its kind where the system does not say."""
    try:
        lines = _CPUINFO.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.machine()
