"""Thumbnails that were made lately, kept in memory up to a number of bytes."""

import threading
from collections import OrderedDict

from mmpt.store.thumbnails import encode_jpeg, frame_at

__all__ = ["Thumbnails"]

_QUANTISER = 5


class Thumbnails:
    """Makes thumbnails, from any thread; the least recently used are forgotten.

    Args:
        limit: Bytes that are kept at most.
    """

    def __init__(self, limit: int = 64 << 20) -> None:
        self.limit = limit
        self.held = 0
        """Bytes that are kept."""
        self._pictures: OrderedDict[tuple[str, int, int], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, path: str, changed: int, second: int) -> bytes:
        """Return the frame at a second as JPEG.

        Args:
            path: The file.
            changed: When it was changed last, in nanoseconds.
            second: From its beginning on.

        Raises:
            DataError: As :func:`mmpt.store.thumbnails.frame_at` does.
        """
        key = (path, changed, second)
        with self._lock:
            if key in self._pictures:
                self._pictures.move_to_end(key)
                return self._pictures[key]
        picture = encode_jpeg(frame_at(path, second), _QUANTISER)
        with self._lock:
            self._forget(key)
            self._pictures[key] = picture
            self.held += len(picture)
            while self.held > self.limit:
                self._forget(next(iter(self._pictures)))
        return picture

    def _forget(self, key: tuple[str, int, int]) -> None:
        self.held -= len(self._pictures.pop(key, b""))
