"""Features, one file per video: every header is read, and a sample of the numbers."""

import os
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from mmpt.catalog import VIDEO_PROCESSORS
from mmpt.config import DatasetConfig, ExtractorConfig
from mmpt.doctor.finding import Finding
from mmpt.doctor.sources import S3D, video_source_of
from mmpt.errors import DataError

__all__ = ["SAMPLE", "extraction", "inspect_encoder", "inspect_features"]

SAMPLE = 32
"""Videos whose numbers are read."""


class _Folder(NamedTuple):
    """What is in a folder of features."""

    seconds: dict[str, int]
    """Video id -> rows, of the files that are whole."""
    widths: dict[str, int]
    faults: tuple[str, ...]
    """One sentence per file that cannot be read."""
    not_finite: tuple[str, ...]
    """Sampled videos with NaN or infinite numbers."""
    sampled: int


def extraction(vfeat_dir: str, sharded: bool) -> str:
    """Return the command that makes the features in a folder."""
    if sharded:
        return f"mmpt shards pack --sdir {vfeat_dir}"
    return f"mmpt extract --vdir FOLDER_OF_VIDEOS --fdir {vfeat_dir}"


def inspect_features(dataset: DatasetConfig) -> Iterator[Finding]:
    """Yield what there is to say of ``dataset.vfeat_dir``: nothing where a user's own class does without."""
    if dataset.vfeat_dir is None and VIDEO_PROCESSORS.registered(str(dataset.video_processor)):
        return
    folder, what, source = dataset.vfeat_dir or "", "features", video_source_of(dataset)
    todo = extraction(folder, sharded=False)
    if not os.path.isdir(folder):
        yield Finding("missing", what, folder, "is no folder", source=source, todo=todo)
        return
    found = _read_folder(folder)
    if not found.seconds and not found.faults:
        yield Finding("missing", what, folder, "holds no <video_id>.npy", source=source, todo=todo)
        return
    again = f"delete the broken files, then: {todo}"
    total = f"{len(found.seconds)} videos, {sum(found.seconds.values())} seconds"
    yield Finding("ok", what, folder, f"{total}; the numbers of {found.sampled} were read", source=source)
    if found.faults:
        message = f"{len(found.faults)} files are broken; {found.faults[0]}"
        yield Finding("broken", what, folder, message, found.faults, source, again)
    counts = Counter(found.widths.values())
    read = dataset.vfeat_dim or (counts.most_common(1)[0][0] if counts else None)
    wrong = tuple(video for video, width in found.widths.items() if width != read)
    if wrong:
        sizes = ", ".join(f"{n} are {width}" for width, n in counts.items())
        message = f"the model reads vectors of {read} numbers; {sizes} wide"
        yield Finding(
            "broken", what, folder, message, wrong, source, f"extract them with one encoder: {todo}"
        )
    if found.not_finite:
        message = f"{len(found.not_finite)} of {found.sampled} sampled videos hold NaN or infinite numbers"
        yield Finding("broken", what, folder, message, found.not_finite, source, again)
    size = dataset.sliding_window_size
    short = tuple(video for video, seconds in found.seconds.items() if seconds < (size or 0))
    if short:
        message = f"{len(short)} videos are shorter than a window of {size} seconds; each has one, padded"
        yield Finding("note", what, folder, message, short)


@lru_cache(maxsize=16)
def _read_folder(folder: str) -> _Folder:
    """Read all headers of a folder; tasks share folders, so this is done once for each."""
    from mmpt.store.npyfile import read_header

    seconds, widths, faults = {}, {}, []
    for path in sorted(Path(folder).glob("*.npy")):
        try:
            shape = read_header(path).shape
        except DataError as error:
            faults.append(str(error))
            continue
        if len(shape) == 2 and shape[0]:
            seconds[path.stem], widths[path.stem] = shape
        else:
            faults.append(f"The file {path} has the shape {shape}; (seconds, width) is expected.")
    videos = list(seconds)
    sample = videos[:: max(1, len(videos) // SAMPLE)][:SAMPLE]
    bad = tuple(video for video in sample if not _is_finite(Path(folder) / f"{video}.npy"))
    return _Folder(seconds, widths, tuple(faults), bad, len(sample))


def _is_finite(path: Path) -> bool:
    import numpy as np

    from mmpt.store.npyfile import read_array

    return bool(np.isfinite(read_array(path)).all())


def inspect_encoder(extractor: ExtractorConfig, features_are_there: bool) -> Finding:
    """Return how it stands with the weights that make features of videos."""
    path, is_s3d = extractor.weights, extractor.type == "s3d"
    what, source = ("S3D weights", S3D) if is_s3d else (f"weights of '{extractor.type}'", None)
    if os.path.exists(path):
        size = f"{os.path.getsize(path) / 1e6:.0f} MB" if os.path.isfile(path) else "a folder"
        return Finding("ok", what, path, size, source=source)
    if features_are_there:
        return Finding("note", what, path, "is not there; only making features needs it", source=source)
    todo = f"get s3d_howto100m.pth from {S3D.page} and put it at {path}" if is_s3d else f"put them at {path}"
    message = "is not there, and features are to be made"
    return Finding("missing", what, path, message, source=source, todo=todo)
