"""The page of statistics: tables, charts and what looks wrong, in one HTML file.

The look is in ``statistics.html.j2``.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from mmpt.pages import render as pages
from mmpt.pages.chart import nice_ticks
from mmpt.store.statistics.collect import SplitStatistics
from mmpt.store.statistics.distribution import Bar, Distribution
from mmpt.store.statistics.view import Fact, facts, share
from mmpt.utils.units import format_bytes, format_count, format_seconds

__all__ = ["Chart", "chart", "write_page"]

NAMED = 20
"""Ids that the page names of what is suspicious."""
_MINUTES = 5
"""Length of the longest video, in minutes, from which lengths are drawn in minutes."""


class Chart(NamedTuple):
    """A histogram with one series per split, in a drawing of 100 x 100."""

    title: str
    axis: str
    ticks: list[tuple[float, str]]
    """Place and text of the marks on the axis."""
    series: list[tuple[int, str, str]]
    """Number and name of the split, and the outline of its bars as the ``points`` of an SVG polygon."""
    more: str
    """What the last bar also holds."""
    top: str
    """The share that the greatest bar shows."""


def write_page(path: str | os.PathLike[str], folder: str, splits: Sequence[SplitStatistics]) -> Path:
    """Write the page, atomically; it needs nothing beside it.

    Args:
        path: The ``.html`` file.
        folder: What the statistics are of, for the heading.
        splits: What :func:`mmpt.store.statistics.collect.collect` returned.
    """
    return pages.write_page(
        path,
        Path(__file__).with_name("statistics.html.j2"),
        folder=folder,
        splits=splits,
        facts={split.split: facts(split) for split in splits},
        tiles=_tiles(splits),
        charts=_charts(splits),
        named=NAMED,
    )


def _tiles(splits: Sequence[SplitStatistics]) -> list[Fact]:
    """Return the numbers of all splits together."""
    seconds = sum(split.seconds.total for split in splits)
    captions = [split.captions for split in splits if split.captions is not None]
    odd = {video_id for split in splits for ids in split.suspicious.values() for video_id in ids}
    tiles = [
        Fact("videos", format_count(sum(split.videos for split in splits))),
        Fact("time", format_seconds(seconds)),
        Fact("features", format_bytes(sum(split.bytes for split in splits))),
    ]
    if captions:
        covered, said = sum(each.covered for each in captions), sum(each.words.total for each in captions)
        tiles += [
            Fact("captions", format_count(sum(each.per_video.total for each in captions))),
            Fact(f"{captions[0].unit} / s", f"{said / covered:.2f}" if covered else "–"),
            Fact("narrated", share(covered, seconds)),
        ]
    return [*tiles, Fact("suspicious", format_count(len(odd)))]


def _charts(splits: Sequence[SplitStatistics]) -> list[Chart]:
    said = {split.split: split.captions for split in splits if split.captions is not None}
    unit = next((each.unit for each in said.values()), "words")
    long = max((each.seconds.greatest for each in splits), default=0) >= _MINUTES * 60
    wanted: list[tuple[str, str, Mapping[str, Distribution], float]] = [
        (
            "Length of videos",
            "minutes" if long else "seconds",
            {each.split: each.seconds for each in splits},
            60 if long else 1,
        ),
        ("Length of captions", "seconds", {name: each.duration for name, each in said.items()}, 1),
        (f"{unit.capitalize()} of a caption", unit, {name: each.words for name, each in said.items()}, 1),
        (
            f"{unit.capitalize()} per second",
            unit,
            {name: each.speed for name, each in said.items()},
            1,
        ),
        ("Narrated", "% of a video", {name: each.narrated for name, each in said.items()}, 0.01),
        (
            "Without change",
            "% of a video",
            {each.split: each.features.still for each in splits},
            0.01,
        ),
    ]
    return [chart(*each) for each in wanted if any(values.number for values in each[2].values())]


def chart(title: str, axis: str, series: Mapping[str, Distribution], unit: float) -> Chart:
    """Return a histogram of one or more distributions over the same bars.

    Args:
        title: Heading.
        axis: What the numbers on the axis are.
        series: Split -> values.
        unit: What one on the axis is in the values: 60 shows seconds as minutes.
    """
    end = max(values.quantile(0.995) + values.width for values in series.values() if values.number)
    if unit == 0.01:
        end = 1.0  # shares are shown in full
    bars = {name: values.bars(about=40, upto=end) for name, values in series.items() if values.number}
    edges = max(bars.values(), key=len)
    last = edges[-1].high
    highest = max(bar.share for each in bars.values() for bar in each)
    more = max(float(values.greatest) for values in series.values() if values.number)
    ticks = [tick for tick in nice_ticks(0, last / unit) if tick * unit <= last]
    return Chart(
        title,
        axis,
        [(100 * tick * unit / last, f"{tick:g}") for tick in ticks],
        [(list(series).index(name), name, _outline(each, last, highest)) for name, each in bars.items()],
        f"the last bar: all up to {more / unit:,.4g}" if more > last else "",
        f"{100 * highest:.3g} %",
    )


def _outline(bars: Sequence[Bar], last: float, highest: float) -> str:
    points = [(0.0, 100.0)]
    for bar in bars:
        height = 100 - 100 * bar.share / highest
        points += [(100 * bar.low / last, height), (100 * bar.high / last, height)]
    points.append((points[-1][0], 100.0))
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in points)
