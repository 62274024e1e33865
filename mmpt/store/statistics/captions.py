"""What is said, and when: one look at the token shards, one shard in memory at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mmpt.store.shardedtensor import ShardedTensor
from mmpt.store.statistics.distribution import Distribution

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["CaptionStatistics", "WordCounter", "repeats_the_tail"]

LONG_CAPTION = 60.0
"""Seconds; nobody reads out one subtitle for longer."""
FAST_SPEECH = 8.0
"""Words per second; the fastest speakers reach 6."""
TOO_LATE = 5.0
"""Seconds by which a caption may begin after the end of the video."""
UNKNOWN = 0.2
"""Share of unknown tokens from which a text is probably of another language."""
SHORTEST_TAIL, LONGEST_TAIL = 2, 8
"""Tokens; one word in common with the caption before is often chance."""

_FAR = 1e7
"""Seconds between the time lines of two videos when they are laid end to end."""


class WordCounter:
    """Tells which token ids begin a word.

    Args:
        tokenizer: The tokenizer of the shards; without it every token counts as a word.
    """

    def __init__(self, tokenizer: "PreTrainedTokenizerBase | None" = None) -> None:
        self.unit = "words" if tokenizer is not None else "tokens"
        self._begins: np.ndarray | None = None
        self._unknown: int | None = None
        if tokenizer is not None:
            tokens = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
            begins = [not token.startswith("##") and any(map(str.isalnum, token)) for token in tokens]
            self._begins = np.array([*begins, False])  # the last one is found by the padding, -1
            self._unknown = tokenizer.unk_token_id

    def words(self, ids: np.ndarray) -> np.ndarray:
        """Return the number of words of every row of padded ids, int64 (captions,)."""
        if self._begins is None:
            return (ids >= 0).sum(axis=1)
        return self._begins[np.clip(ids, -1, len(self._begins) - 1)].sum(axis=1)

    def unknown(self, ids: np.ndarray) -> np.ndarray:
        """Return the number of unknown tokens of every row, int64 (captions,)."""
        return (
            (ids == self._unknown).sum(axis=1) if self._unknown is not None else np.zeros(len(ids), np.int64)
        )


@dataclass
class CaptionStatistics:
    """The captions of a split."""

    unit: str = "tokens"
    """What is counted as a word: ``words``, or ``tokens`` without a tokenizer."""
    per_video: Distribution = field(default_factory=lambda: Distribution(1))
    """Captions of a video."""
    duration: Distribution = field(default_factory=lambda: Distribution(0.1))
    """Seconds of a caption."""
    words: Distribution = field(default_factory=lambda: Distribution(1, 4096))
    """Words of a caption."""
    speed: Distribution = field(default_factory=lambda: Distribution(0.02))
    """Words per second of a video, over the time that has captions."""
    narrated: Distribution = field(default_factory=lambda: Distribution(0.01, 101))
    """Share of a video's time that has a caption."""
    covered: float = 0.0
    """Seconds of video that have a caption."""
    spoken: float = 0.0
    """Seconds of all captions within their videos; more than ``covered`` where captions overlap."""
    overlapping: int = 0
    """Captions that begin before the one before has ended."""
    repeating: int = 0
    """Captions that begin with the last words of the one before."""
    suspicious: dict[str, list[str]] = field(default_factory=dict)
    """What is odd -> ids of the videos."""

    def add(
        self,
        ids: Sequence[str],
        seconds: np.ndarray,
        times: ShardedTensor,
        tokens: np.ndarray,
        counter: WordCounter,
    ) -> None:
        """Count the captions of a shard.

        Args:
            ids: Its videos.
            seconds: Their lengths, (videos,).
            times: Start and end of their captions in seconds.
            tokens: Padded token ids of all captions, (captions, k).
            counter: Tells words.
        """
        look = _Look(seconds, times, tokens, counter)
        self.unit = counter.unit
        self.per_video.add(look.number)
        self.duration.add(look.duration[look.usable])
        self.words.add(look.words)
        self.speed.add(look.speed[(look.covered > 0) & (look.number > 0)])
        self.narrated.add((look.covered / np.maximum(seconds, 1))[seconds > 0])
        self.covered += float(look.covered.sum())
        self.spoken += look.spoken
        self.overlapping += look.overlapping
        self.repeating += int(repeats_the_tail(tokens, look.video).sum())
        for reason, chosen in look.odd(seconds, counter.unit).items():
            self.suspicious.setdefault(reason, []).extend(ids[int(each)] for each in np.flatnonzero(chosen))


class _Look:
    """The captions of one shard: per caption, and summed per video."""

    def __init__(
        self, seconds: np.ndarray, times: ShardedTensor, tokens: np.ndarray, counter: WordCounter
    ) -> None:
        self.number = times.lengths()
        self.video = np.repeat(np.arange(len(seconds)), self.number)
        start, end = np.asarray(times.data, dtype=np.float64).reshape(-1, 2).T
        self.usable = np.isfinite(start) & np.isfinite(end) & (start >= 0) & (end >= start)
        chosen = self.usable
        with np.errstate(invalid="ignore"):
            self.duration = end - start
            self.late = chosen & (start > seconds[self.video] + TOO_LATE)
        self.words, self.unknown = counter.words(tokens), counter.unknown(tokens)
        self.tokens = (tokens >= 0).sum(axis=1)
        limit = seconds[self.video[chosen]]
        begin, stop = (np.clip(place[chosen], 0, limit) for place in (start, end))
        self.spoken = float((stop - begin).sum())
        new, overlaps = _new_seconds(self.video[chosen], begin, stop)
        self.covered = np.bincount(self.video[chosen], new, minlength=len(seconds))
        self.overlapping = int(overlaps.sum())
        said = np.bincount(self.video[chosen], self.words[chosen], minlength=len(seconds))
        self.speed = said / np.maximum(self.covered, 1e-9)

    def odd(self, seconds: np.ndarray, unit: str) -> dict[str, np.ndarray]:
        """Return what is odd -> bool (videos,)."""
        too_long = self.usable & (self.duration > LONG_CAPTION)
        return {
            "without a caption": (self.number == 0) & (seconds > 0),
            "with impossible caption times": self._sum(~self.usable) > 0,
            f"with a caption that begins over {TOO_LATE:g} s after the end": self._sum(self.late) > 0,
            f"with a caption over {LONG_CAPTION:g} s long": self._sum(too_long) > 0,
            f"spoken at over {FAST_SPEECH:g} {unit} per second": (self.covered >= 1)
            & (self.speed > FAST_SPEECH),
            "with a caption without words": self._sum(self.words == 0) > 0,
            f"with over {UNKNOWN:.0%} unknown tokens": self._sum(self.unknown)
            > UNKNOWN * self._sum(self.tokens),
        }

    def _sum(self, values: np.ndarray) -> np.ndarray:
        return np.bincount(self.video, values, minlength=len(self.number))


def repeats_the_tail(tokens: np.ndarray, video: np.ndarray) -> np.ndarray:
    """Return which captions begin with the last 2 to 8 tokens of the caption before, bool (captions,).

    That is what rolling subtitles do; cleaning the captions removes it.

    Args:
        tokens: Token ids padded with -1, (captions, k).
        video: Video of every caption, (captions,).
    """
    found = np.zeros(len(tokens), dtype=bool)
    length = (tokens >= 0).sum(axis=1)
    before, shorter = tokens[:-1], np.minimum(length[:-1], length[1:])
    for size in range(SHORTEST_TAIL, min(LONGEST_TAIL, tokens.shape[1]) + 1):
        place = np.maximum(length[:-1, None] - size + np.arange(size), 0)
        same = (np.take_along_axis(before, place, axis=1) == tokens[1:, :size]).all(axis=1)
        found[1:] |= same & (shorter >= size)
    found[1:] &= video[1:] == video[:-1]
    return found


def _new_seconds(video: np.ndarray, begin: np.ndarray, stop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return, per caption, the seconds of its video that no earlier one has, and whether it overlaps one."""
    order = np.lexsort((begin, video))
    line = video[order] * _FAR  # all videos on one time line, far apart
    begin, stop = line + begin[order], line + stop[order]
    reached = np.concatenate([[-np.inf], np.maximum.accumulate(stop)[:-1]])
    new, overlaps = np.empty(len(video)), np.empty(len(video), dtype=bool)
    new[order] = np.maximum(0, stop - np.maximum(begin, reached))
    overlaps[order] = begin < reached - 0.01
    return new, overlaps
