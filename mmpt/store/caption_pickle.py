"""The caption pickle of the original, ``{video_id: JSON string}``, read one video at a time.

Such a pickle is a row of texts between a few instructions that make them a dictionary. Those are followed
here; nothing is run and nothing but one batch of texts (a thousand videos) is held in memory.
"""

import io
import pickletools
from collections.abc import Iterator
from itertools import islice

from mmpt.errors import DataError
from mmpt.store.caption_format import CaptionFormat, CaptionRecord
from mmpt.store.safe_pickle import read_pickle

__all__ = ["PickledJson"]

_HEADS = {"SHORT_BINUNICODE": 2, "BINUNICODE": 5, "BINUNICODE8": 9}
"""Instructions that give a text, and the bytes before it: the instruction and the length."""
_IGNORED = {"PROTO", "FRAME", "MARK", "MEMOIZE", "BINPUT", "LONG_BINPUT"}


class PickledJson(CaptionFormat):
    """``{video_id: JSON string of {"start", "end", "text"}}``."""

    def scan(self) -> Iterator[CaptionRecord]:
        """Yield every video's JSON."""
        count = 0
        try:
            for record in self._plain():
                yield record
                count += 1
        except _OtherKindError:
            yield from islice(self._whole(), count, None)

    def _plain(self) -> Iterator[CaptionRecord]:
        with open(self.path, "rb") as stream:
            texts: list[tuple[str, int]] = []
            for number, (name, argument, offset) in enumerate(self._instructions(stream)):
                if name in _HEADS:
                    texts.append((argument, offset + _HEADS[name]))
                elif name in ("SETITEM", "SETITEMS") and len(texts) % 2 == 0:
                    for (video_id, _), (text, place) in zip(texts[::2], texts[1::2], strict=True):
                        yield CaptionRecord(video_id, place, text.encode("utf-8", "surrogatepass"))
                    texts = []
                elif name == "STOP" and not texts:
                    return
                elif name not in _IGNORED and not (name == "EMPTY_DICT" and number <= 2):
                    raise _OtherKindError

    def _instructions(self, stream: io.BufferedReader) -> Iterator[tuple[str, str, int]]:
        try:
            for opcode, argument, offset in pickletools.genops(stream):
                yield opcode.name, str(argument), offset or 0
        except (ValueError, OverflowError, MemoryError) as error:
            raise DataError(
                f"The file {self.path} is not a readable pickle ({error}); it may be truncated."
            ) from error

    def _whole(self) -> Iterator[CaptionRecord]:
        """Read the pickle at once: other forms of the same (shared texts, the oldest protocols)."""
        content = read_pickle(self.path)
        if not isinstance(content, dict):
            raise DataError(
                f"The pickle {self.path} holds a {type(content).__name__}; {{video_id: JSON}} is expected."
            )
        for video_id, text in content.items():
            if not isinstance(video_id, str):
                raise DataError(f"The file {self.path} has the video id {video_id!r}; ids are text.")
            if not isinstance(text, str):
                raise DataError(
                    f"The captions of '{video_id}' in {self.path} are not JSON, but a {type(text).__name__}."
                )
            yield CaptionRecord(video_id, None, text.encode("utf-8", "surrogatepass"))


class _OtherKindError(Exception):
    """The pickle is not a plain row of texts."""
