"""One progress bar for every loop that can take longer than a few seconds."""

import logging
import sys
from collections.abc import Iterable
from typing import TypeVar

from tqdm import tqdm

__all__ = ["progress"]

Item = TypeVar("Item")


def progress(
    items: Iterable[Item],
    what: str,
    total: int | None = None,
    unit: str = "it",
    initial: int = 0,
    disable: bool = False,
    delay: float = 0,
) -> "tqdm[Item]":
    """Iterate over ``items`` under a bar titled ``what`` on standard error.

    Off a terminal (a log file, CI) the bar prints a line every 10 seconds instead of flickering.
    The first ``initial`` items were done before; ``disable`` shows nothing, and neither does a
    ``total`` of 0 or a logger ``mmpt`` that was told to be quiet. In the first ``delay`` seconds
    nothing is shown.
    """
    quiet = logging.getLogger("mmpt").level > logging.INFO
    interactive = sys.stderr.isatty()
    return tqdm(
        items,
        desc=what,
        total=total,
        unit=unit,
        initial=initial,
        disable=disable or quiet or total == 0,
        delay=delay,
        mininterval=0.1 if interactive else 10.0,
        dynamic_ncols=interactive,
    )
