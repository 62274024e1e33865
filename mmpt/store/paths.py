"""Which videos there are and where their features go: the plan of an extraction.

A video is a file with a video's suffix in one of the folders or one level of sub-folders below;
its id is the file's name without suffix; its features go to ``<feature_dir>/<id>.npy``.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, Self

from mmpt.errors import ConfigError, DataError
from mmpt.utils.files import read_json, write_json

__all__ = ["PLAN_NAME", "VIDEO_SUFFIXES", "PathBuilder", "PathPlan", "VideoJob", "parse_part"]

# fmt: off
VIDEO_SUFFIXES = frozenset({
    ".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv",
    ".ts", ".webm", ".wmv",
})
# fmt: on
PLAN_NAME = "meta_plan.json"


class VideoJob(NamedTuple):
    """One video to be turned into features."""

    video_id: str
    video: Path
    feature: Path


@dataclass(frozen=True)
class PathPlan:
    """What is to be done."""

    jobs: list[VideoJob]
    """Sorted by id."""
    duplicates: dict[str, list[str]] = field(default_factory=dict)
    """Id -> files of that id that are left out because another folder, named earlier, has it too."""
    other_files: int = 0
    """Files without a video's suffix; hidden ones are not counted."""
    too_deep: list[str] = field(default_factory=list)
    """Folders two levels below that hold videos, which are left out."""

    def save(self, path: str | os.PathLike[str], temporary: Path | None = None) -> None:
        """Write ``{"videos": {id: {"video", "feature"}}, "duplicates", "other_files", "too_deep"}`` as JSON.

        Args:
            path: The file.
            temporary: See :func:`mmpt.utils.files.atomic_write`.
        """
        videos = {job.video_id: {"video": str(job.video), "feature": str(job.feature)} for job in self.jobs}
        left_out = {
            "duplicates": self.duplicates,
            "other_files": self.other_files,
            "too_deep": self.too_deep,
        }
        write_json(path, {"videos": videos, **left_out}, temporary)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        feature_dir: str | os.PathLike[str],
        part: tuple[int, int] | None = None,
    ) -> Self:
        """Read what :meth:`save` wrote, or one part of it.

        Args:
            path: The plan.
            feature_dir: Where the features go, whatever the plan says.
            part: See :meth:`part`; a part of a large plan is read sooner.

        Raises:
            DataError: If the file is missing, damaged or no plan.
        """
        plan = read_json(path)
        number, of = part or (0, 1)
        try:
            videos = plan["videos"]
            jobs = [
                VideoJob(name, Path(videos[name]["video"]), Path(feature_dir) / f"{name}.npy")
                for name in sorted(videos)[number::of]
            ]
            too_deep = list(plan.get("too_deep", []))  # plans of earlier versions do not have it
            return cls(jobs, dict(plan["duplicates"]), int(plan["other_files"]), too_deep)
        except (TypeError, KeyError, ValueError) as error:
            raise DataError(
                f"The file {path} is no plan of an extraction ({error!r}); make it with --plan_only."
            ) from error

    def part(self, number: int, of: int) -> Self:
        """Return every ``of``-th video from video ``number`` on; all the parts together are the plan."""
        return replace(self, jobs=self.jobs[number::of])


def parse_part(text: str) -> tuple[int, int]:
    """Return 3, 8 of ``"3/8"``, the fourth of eight parts.

    Raises:
        ConfigError: If that is not a part.
    """
    number, _, of = text.partition("/")
    if not (number.isdecimal() and of.isdecimal() and int(number) < int(of)):
        raise ConfigError(f"'{text}' is no part of a plan; parts are counted from 0: 0/4, 1/4, 2/4 and 3/4.")
    return int(number), int(of)


class PathBuilder:
    """Plans an extraction.

    Args:
        video_dirs: Folders of the videos.
        feature_dir: Folder of the features; it need not exist.
    """

    def __init__(
        self, video_dirs: Sequence[str | os.PathLike[str]], feature_dir: str | os.PathLike[str]
    ) -> None:
        if not all(map(os.fspath, video_dirs)):
            raise DataError(f"One of the folders of videos has no name: {list(map(str, video_dirs))}.")
        self.video_dirs = [Path(folder) for folder in video_dirs]
        self.feature_dir = Path(feature_dir)

    def build(self) -> PathPlan:
        """Look for the videos.

        Raises:
            DataError: If a folder does not exist or there is no video at all.
        """
        videos: dict[str, Path] = {}
        duplicates: dict[str, list[str]] = {}
        too_deep: list[str] = []
        other_files = 0
        for path in dict.fromkeys(self._entries()):  # once, also of a folder given within another
            if path.is_dir():
                looked_into = path in self.video_dirs or path.parent in self.video_dirs
                if not looked_into and any(map(_is_video, path.rglob("*"))):
                    too_deep.append(str(path))
            elif path.suffix.lower() not in VIDEO_SUFFIXES:
                other_files += 1
            elif path.stem in videos:
                duplicates.setdefault(path.stem, []).append(str(path))
            else:
                videos[path.stem] = path
        if not videos:
            raise DataError(
                f"There is no video in {', '.join(map(str, self.video_dirs))} or one level below "
                f"({other_files} other files). Known suffixes: {' '.join(sorted(VIDEO_SUFFIXES))}."
                + (f" There are videos further below, as in {too_deep[0]}: give that." if too_deep else "")
            )
        jobs = [VideoJob(name, videos[name], self.feature_dir / f"{name}.npy") for name in sorted(videos)]
        return PathPlan(jobs, duplicates, other_files, too_deep)

    def _entries(self) -> Iterator[Path]:
        """Yield the files that may be videos, and the folders that are too deep for that."""
        for folder in self.video_dirs:
            if not folder.is_dir():
                raise DataError(f"There is no folder {folder} with videos; check the path.")
            for entry in sorted(folder.iterdir()):
                below = sorted(entry.iterdir()) if entry.is_dir() else [entry]
                yield from (path for path in below if path.exists() and not path.name.startswith("."))


def _is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES and not path.name.startswith(".") and path.is_file()
