"""Statistics in words and as plain data."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from mmpt.store.statistics.captions import CaptionStatistics
from mmpt.store.statistics.collect import SplitStatistics
from mmpt.store.statistics.distribution import Distribution
from mmpt.utils.units import format_bytes, format_count, format_seconds

__all__ = ["Fact", "facts", "share", "to_json"]


class Fact(NamedTuple):
    """A line of a table."""

    name: str
    value: str
    note: str = ""


def share(part: float, whole: float) -> str:
    """Return a percentage, a dash where there is nothing to divide by."""
    return f"{100 * part / whole:.1f} %" if whole else "–"


def facts(split: SplitStatistics) -> list[Fact]:
    """Return what there is to say of a split, as lines of a table."""
    seconds = split.seconds
    lines = [
        Fact(
            "videos", format_count(split.videos), f"in {split.shards} shard{'s' if split.shards != 1 else ''}"
        ),
        Fact("time", format_seconds(seconds.total), f"{format_count(seconds.total)} rows, one per second"),
        Fact("features", format_bytes(split.bytes), split.rows),
        Fact("length of a video", _spread(seconds, format_seconds), _ends(seconds, format_seconds)),
    ]
    if split.captions is not None:
        lines += _caption_facts(split.captions, seconds.total)
    looked = split.features
    lines.append(
        Fact(
            "seconds without change",
            share(looked.still.total, looked.still.number),
            "have the vector of the second before; "
            f"{format_count(looked.videos)} video{'s were' if looked.videos != 1 else ' was'} read",
        )
    )
    return lines


def _caption_facts(captions: CaptionStatistics, seconds: float) -> list[Fact]:
    number, said = captions.duration.number, captions.words.total
    unit = captions.unit
    return [
        Fact(
            "captions",
            format_count(captions.per_video.total),
            f"{_spread(captions.per_video, format_count)} a video",
        ),
        Fact(
            "length of a caption",
            _spread(captions.duration, format_seconds),
            _ends(captions.duration, format_seconds),
        ),
        Fact(f"{unit} of a caption", _spread(captions.words, format_count), f"{format_count(said)} in all"),
        Fact(
            f"{unit} per second",
            f"{said / captions.covered:.2f}" if captions.covered else "–",
            f"while somebody speaks; {said / seconds if seconds else 0:.2f} over the whole videos",
        ),
        Fact("narrated", share(captions.covered, seconds), "of the time of the videos has a caption"),
        Fact(
            "overlapping in time",
            share(captions.overlapping, number),
            "of the captions begin before the one before has ended; "
            f"{share(captions.spoken - captions.covered, captions.spoken)} of their time is double",
        ),
        Fact(
            "overlapping in words",
            share(captions.repeating, number),
            "of the captions begin with the last words of the one before"
            + ("; clean them: mmpt shards captions" if captions.repeating > 0.1 * number else ""),
        ),
    ]


def _spread(values: Distribution, show: Callable[[float], str]) -> str:
    return f"{show(values.quantile(0.5))} (median)" if values.number else "–"


def _ends(values: Distribution, show: Callable[[float], str]) -> str:
    if not values.number:
        return ""
    low, high = show(values.quantile(0.05)), show(values.quantile(0.95))
    ends = f"all from {show(values.least)} to {show(values.greatest)}"
    return f"mean {show(values.mean)}, 90 % from {low} to {high}, {ends}"


def to_json(splits: Sequence[SplitStatistics]) -> dict[str, Any]:
    """Return everything as plain data: facts, distributions, and all ids of what is suspicious."""
    return {split.split: _split_to_json(split) for split in splits}


def _split_to_json(split: SplitStatistics) -> dict[str, Any]:
    captions = split.captions
    result: dict[str, Any] = {
        "videos": split.videos,
        "shards": split.shards,
        "bytes": split.bytes,
        "rows": split.rows,
        "source": dict(split.source),
        "seconds": _summary(split.seconds),
        "videos_read": split.features.videos,
        "still": _summary(split.features.still),
        "suspicious": split.suspicious,
    }
    if captions is not None:
        names = ("per_video", "duration", "words", "speed", "narrated")
        result["captions"] = {
            "unit": captions.unit,
            **{name: _summary(getattr(captions, name)) for name in names},
            "covered_seconds": captions.covered,
            "overlapping": captions.overlapping,
            "repeating": captions.repeating,
        }
    return result


def _summary(values: Distribution) -> dict[str, float | None]:
    quantiles = {f"q{round(100 * q):02d}": values.quantile(q) for q in (0.05, 0.25, 0.5, 0.75, 0.95)}
    numbers = {"mean": values.mean, "least": values.least, "greatest": values.greatest, **quantiles}
    finite = {name: value if math.isfinite(value) else None for name, value in numbers.items()}
    return {"number": values.number, "total": values.total, **finite}
