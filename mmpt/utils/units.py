"""Amounts of bytes as people write them."""

import argparse
import re

__all__ = ["format_bytes", "parse_bytes"]

_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


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
