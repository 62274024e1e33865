"""Amounts, times and metrics as people write them."""

import argparse
import re
from datetime import UTC, datetime

__all__ = ["format_bytes", "format_count", "format_seconds", "metric_name", "parse_bytes", "utc_now"]

_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_METRICS = {
    "R1": "R@1",
    "R5": "R@5",
    "R10": "R@10",
    "MR": "median rank",
    "acc": "accuracy",
    "frame_acc": "frame accuracy",
    "foreground_acc": "foreground accuracy",
    "rank1": "rank@1",
    "rank5": "rank@5",
    "miou": "mean IoU",
}
"""Name in result files -> in words; others are words already."""


def parse_bytes(text: str) -> int:
    """Return the bytes of ``"2G"`` (2 GiB), ``"500M"``, ``"1.5T"`` or ``"4096"``; a type of options.

    Raises:
        argparse.ArgumentTypeError: If it is none of these; the command line shows its message.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if match is None:
        raise argparse.ArgumentTypeError(f"'{text}' is no amount of bytes; write it like 2G, 500M or 4096.")
    return round(float(match[1]) * _UNITS[match[2].upper()])


def format_bytes(count: float) -> str:
    """Return three digits and a unit: ``"512 B"``, ``"1.5 MiB"``, ``"447 GiB"``."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1024
    return f"{count:.3g} TiB"


def format_count(number: float) -> str:
    """Return a whole number in groups of three digits, divided by thin spaces."""
    return f"{number:,.0f}".replace(",", "\u2009")


def metric_name(name: str) -> str:
    """Return the name of a metric in result files as tables and pages write it: ``R1`` is ``R@1``."""
    return _METRICS.get(name, name)


def format_seconds(seconds: float) -> str:
    """Return seconds as a person would say them: ``4.1 s``, ``5 min 40 s``, ``2 h 10 min``, ``130 000 h``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 100 * 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{format_count(whole / 3600)} h"


def utc_now() -> str:
    """Return the time in UTC to the second, such as ``2024-05-01T12:00:00Z``."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
