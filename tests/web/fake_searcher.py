"""A searcher without a model: videos with scripts, found by the words that they share with a query."""

import os
import threading
from dataclasses import dataclass, field
from types import SimpleNamespace

from mmpt.errors import DataError
from mmpt.search import Hit, VideoEntry

Script = list[tuple[float, float, str]]
"""What happens: from, to, in words."""


def entry_of(path, seconds, video_id=None):
    status = os.stat(path)
    return VideoEntry(
        id=video_id or path.stem,
        path=str(path.resolve()),
        seconds=seconds,
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        sha256="0" * 64,
    )


@dataclass(frozen=True)
class FakeIndex:
    """What :class:`mmpt.web.library.Library` uses of an index."""

    videos: list[VideoEntry]
    meta: SimpleNamespace
    counts: dict[str, int]

    @classmethod
    def of(cls, videos, generation=1):
        counts = {"videos": len(videos), "seconds": sum(entry.seconds for entry in videos), "clips": 0}
        task = "/home/me/projects/retri/videoclip/how2.yaml"
        model = SimpleNamespace(task=task, identity="MMFusionSeparate 01234567")
        meta = SimpleNamespace(model=model, generation=generation)
        return cls(sorted(videos, key=lambda entry: entry.id), meta, counts)

    def __contains__(self, video_id):
        return any(entry.id == video_id for entry in self.videos)

    def video(self, video_id):
        for entry in self.videos:
            if entry.id == video_id:
                return entry
        raise DataError(f"The index has no video '{video_id}'.")


@dataclass
class FakeSearcher:
    """Searches ``scripts`` (id -> script); :meth:`publish` is what a writer does."""

    index: FakeIndex
    scripts: dict[str, Script] = field(default_factory=dict)
    delay: threading.Event | None = None
    """Searches wait for it."""
    published: FakeIndex | None = None
    fault: DataError | None = None
    begun: list[str] = field(default_factory=list)
    searched: list[str] = field(default_factory=list)

    def publish(self, videos):
        self.published = FakeIndex.of(videos, self.index.meta.generation + 1)

    def refresh(self):
        if self.fault:
            raise self.fault
        if self.published:
            self.index, self.published = self.published, None

    def search(self, text, count=10):
        self.begun.append(text)
        if self.delay:
            self.delay.wait()
        self.searched.append(text)
        words = set(text.split())
        hits = [
            Hit(entry.id, entry.path, start, end, *self._score(len(words & set(script.split())), len(words)))
            for entry in self.index.videos
            for start, end, script in self.scripts.get(entry.id, [(0.0, float(entry.seconds), "")])
        ]
        return sorted(hits, key=lambda hit: (-hit.score, hit.video_id, hit.start))[:count]

    def similar(self, video_id, count=10):
        words = {word for _, _, script in self.scripts.get(video_id, []) for word in script.split()}
        return [hit for hit in self.search(" ".join(sorted(words)), 1000) if hit.video_id != video_id][:count]

    @staticmethod
    def _score(shared, words):
        share = shared / max(words, 1)
        return 10 * share - 2, 40 + 59.97 * share
