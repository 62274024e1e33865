"""Subtitles, WebVTT and SRT: one file per video, named ``<video id>.vtt`` or ``<video id>.<language>.srt``.

Both are blocks with a line ``00:01:02.500 --> 00:01:04.000`` over the lines that are shown. Marks for
fonts, speakers and the time of single words are taken out.
"""

import html
import re
from collections.abc import Iterator
from typing import Any

from mmpt.errors import DataError
from mmpt.store.caption_format import CaptionFormat, CaptionRecord, text_of_bytes

__all__ = ["SubtitleFile", "parse_subtitles"]

_TIME = r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:[.,]\d+)?)"
_TIMING = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s|$)")
_MARK = re.compile(r"</?(?:b|i|u|s|c|v|font|lang|ruby|rt)\b[^>]*>|<\d+:[\d:.]+>|\{\\[^}]*\}", re.IGNORECASE)
_LANGUAGE = re.compile(r"(?<=.)\.[a-z]{2}(-[A-Za-z0-9]+)*$")


class SubtitleFile(CaptionFormat):
    """The subtitles of one video; the id is the file's name without suffix and language (``.en``)."""

    def scan(self) -> Iterator[CaptionRecord]:
        """Yield the file."""
        yield CaptionRecord(_LANGUAGE.sub("", self.path.stem), 0, self.path.read_bytes())

    def parse(self, video_id: str, content: bytes) -> Any:
        """Return the cues."""
        text = text_of_bytes(content, self.path).removeprefix("\ufeff")
        columns = parse_subtitles(text)
        if not columns["text"] and not text.startswith("WEBVTT"):
            raise DataError(
                f"The file {self.path} has no line '00:01:02.500 --> 00:01:04.000', so it is neither WebVTT "
                "nor SRT, or cut off. Get it again, or take it away."
            )
        return columns


def parse_subtitles(text: str) -> dict[str, list[Any]]:
    """Return ``{"start", "end", "text"}`` of the cues, seconds, in the order of the file."""
    columns: dict[str, list[Any]] = {"start": [], "end": [], "text": []}
    shown: list[str] | None = None
    """Lines of the cue; None between an empty line and the times of the next cue."""
    for line in re.sub(r"\r\n?", "\n", text).split("\n"):
        timing = _TIMING.match(line)
        if timing:
            if shown and shown[-1].strip().isdigit():
                shown.pop()  # the number of this cue, where the empty line above it is missing
            shown = []
            columns["start"].append(_seconds(*timing.groups()[:3]))
            columns["end"].append(_seconds(*timing.groups()[3:]))
            columns["text"].append(shown)
        elif line == "":  # a line of one space is part of a cue
            shown = None
        elif shown is not None:
            shown.append(line)
    columns["text"] = [_plain(lines) for lines in columns["text"]]
    return columns


def _seconds(hours: str | None, minutes: str, seconds: str) -> float:
    # Whole milliseconds, so that 1.1 s is 1.1 and not 1.1000000000000001.
    return round(int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds.replace(",", ".")), 3)


def _plain(lines: list[str]) -> str:
    plain = (html.unescape(_MARK.sub("", line)).strip() for line in lines)
    return " ".join(line for line in plain if line)
