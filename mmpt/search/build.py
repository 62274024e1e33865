"""Videos become an index, or an index is brought up to date.

::

    files --changes--> new videos --extraction--> features --model--> vectors --> a segment --> published

Features are named by the content of their video, so that nothing is decoded twice: not after an
interruption, not if a file is moved or copied. After every :data:`VIDEOS_AT_ONCE` videos what is there can
be searched. One process writes at a time; readers go on meanwhile.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import torch

from mmpt.errors import ConfigError, DataError
from mmpt.models import MMPTModel
from mmpt.search.changes import find_changes, stamp_of
from mmpt.search.index import Index
from mmpt.search.manifest import MANIFEST, Manifest, ModelRecord
from mmpt.search.model import check_identity, load_for_index
from mmpt.search.nearest import LONGEST
from mmpt.search.publish import publish, publish_guesses
from mmpt.search.segment import FEATURES, SEGMENTS, VideoEntry, VideoVectors
from mmpt.store.decode import decode_frames
from mmpt.store.decode_process import ProcessDecoder
from mmpt.store.extraction_report import ExtractionReport
from mmpt.store.features import ExtractionSettings, extract_features
from mmpt.store.npyfile import read_array
from mmpt.store.paths import VideoJob
from mmpt.utils.files import sha256
from mmpt.utils.lock import exclusive
from mmpt.utils.logging import get_logger
from mmpt.utils.progress import progress

__all__ = ["IndexReport", "build_index", "extract_here", "remove_videos"]

logger = get_logger(__name__)

LOCK = ".lock"
VIDEOS_AT_ONCE = 200
"""Videos that are extracted before they are published."""
SECONDS_AT_ONCE = 1 << 16
"""Seconds whose vectors are kept in memory: 100 MB of width 768."""
ENCODED_TOGETHER = 1024
"""Seconds from which on batches of the model are full enough. Vectors may differ in their last bit with the
videos that are encoded beside them."""

Video = TypeVar("Video", bound=tuple[VideoEntry, torch.Tensor])
Extract = Callable[[MMPTModel, Sequence[VideoJob]], ExtractionReport]


@dataclass
class IndexReport:
    """What became of the videos that were looked for."""

    added: int = 0
    updated: int = 0
    removed: int = 0
    unchanged: int = 0
    missing: int = 0
    """Videos that stay in the index though their files do not exist any more."""
    failed: dict[str, str] = field(default_factory=dict)
    """File -> why it is not in the index."""


def build_index(
    videos: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    model: MMPTModel | str | os.PathLike[str] | None = None,
    *,
    plugins: Sequence[str] = (),
    device: torch.device | str = "cpu",
    remove_missing: bool = False,
    extract: Extract | None = None,
    videos_at_once: int = VIDEOS_AT_ONCE,
) -> IndexReport:
    """Make an index, or bring one up to date: add new videos, replace changed ones.

    A video that cannot be used is reported, and the others go on; if it was in the index, it is taken out.

    Args:
        videos: Folders, looked into at any depth, and files.
        out: Folder of the index.
        model: What makes the vectors: a task file, or a folder of ``save_pretrained``, which is remembered
            for searches; or a model. None: as the index remembers; see also
            :func:`mmpt.search.model.default_task`.
        plugins: Files or modules that register encoders; remembered too.
        device: Where a model that is loaded computes.
        remove_missing: Take out the videos, of these folders and files, that do not exist any more.
        extract: Makes the features that are missing; by default :func:`extract_here`.
        videos_at_once: Videos that are extracted before they are published.

    Raises:
        DataError: If there are no videos, another process writes, or the index is damaged.
        ConfigError: If ``out`` holds something else, or an index of another model.
    """
    if isinstance(videos, (str, os.PathLike)):
        videos = [videos]
    folder, task = Path(out), ""
    _check_folder(folder)
    if not isinstance(model, MMPTModel):
        task, model = load_for_index(folder, model, plugins)
        model.to(device)
    with exclusive(folder / LOCK, f"the index {folder}"):
        if not (folder / MANIFEST).exists():
            Manifest(_record(model, task, plugins)).save(folder)
        index = Index.open(folder)
        check_identity(index, model)
        _check_encoder(index, model)
        changes = find_changes(videos, index.videos)
        report = IndexReport(unchanged=changes.unchanged, failed=changes.failed)
        gone = [entry.id for entry in changes.gone]
        if remove_missing:
            report.removed = len(gone)
            index = publish(index, [], gone, model)
        else:
            report.missing = len(gone)
        _remove_damaged(index, changes.new)
        known = {entry.id for entry in index.videos}
        entries = iter(changes.new)
        while some := list(islice(entries, videos_at_once)):
            for batch in _groups(
                _made(folder, some, model, extract or extract_here, report), SECONDS_AT_ONCE
            ):
                index = publish(index, batch, [], model)
                updated = sum(video.entry.id in known for video in batch)
                report.updated += updated
                report.added += len(batch) - updated
        lost = [entry.id for entry in changes.new if entry.id in known and entry.path in report.failed]
        index = publish_guesses(publish(index, [], lost, model))
        _remove_features(index)
    return report


def remove_videos(
    out: str | os.PathLike[str],
    ids: Sequence[str],
    model: MMPTModel | str | os.PathLike[str] | None = None,
    *,
    plugins: Sequence[str] = (),
) -> None:
    """Take videos out of an index; their files stay, and the next :func:`build_index` of them adds them.

    Args:
        out: Folder of the index.
        ids: Of the videos.
        model: As of :func:`build_index`; it encodes the sentences that percentiles refer to.
        plugins: As of :func:`build_index`.

    Raises:
        DataError: If the index has no such video; then all stay. If another process writes.
        ConfigError: If the model is another one.
    """
    folder = Path(out)
    for video_id in ids:
        Index.open(folder).video(video_id)  # better now than after the model is loaded
    if not isinstance(model, MMPTModel):
        model = load_for_index(folder, model, plugins)[1]
    with exclusive(folder / LOCK, f"the index {folder}"):
        index = Index.open(folder)
        check_identity(index, model)
        gone = [index.video(video_id).id for video_id in ids]
        _remove_features(publish(index, [], gone, model))


def extract_here(model: MMPTModel, jobs: Sequence[VideoJob]) -> ExtractionReport:
    """Make the features of videos with the encoder of a model, in this process."""
    encoder, device = model.video_encoder(), next(model.parameters()).device
    settings = ExtractionSettings(l2_normalize=model.config.extractor.l2_normalize, device=str(device))
    with ProcessDecoder(partial(decode_frames, interpolation=encoder.spec.interpolation)) as decoder:
        return extract_features(jobs, encoder, settings, decoder)


def _check_folder(folder: Path) -> None:
    """Refuse a folder that holds something else."""
    if folder.is_dir() and not (folder / MANIFEST).exists():
        foreign = {entry.name for entry in folder.iterdir()} - {FEATURES, SEGMENTS, LOCK}
        if any(not name.startswith(f".{MANIFEST}.") for name in foreign):
            raise ConfigError(
                f"The folder {folder} holds something else ({min(foreign)}) and no index; "
                "give --out a new one."
            )


def _check_encoder(index: Index, model: MMPTModel) -> None:
    before, now = index.meta.model.encoder, model.video_encoder().spec.identity
    if before != now:
        raise ConfigError(
            f"The videos of the index {index.folder} were encoded by {before}, and the encoder now is "
            f"{now}. Put the former weights back, or make another index."
        )


def _record(model: MMPTModel, task: str, plugins: Sequence[str]) -> ModelRecord:
    return ModelRecord(
        task=os.path.abspath(task) if os.path.exists(task) else task,
        working_directory=os.getcwd(),
        plugins=tuple(plugins),
        identity=model.identity,
        encoder=model.video_encoder().spec.identity,
        dim=model.dim,
        clip_seconds=model.config.dataset.max_video_len,
    )


def _made(
    folder: Path, entries: Sequence[VideoEntry], model: MMPTModel, extract: Extract, report: IndexReport
) -> Iterator[VideoVectors]:
    """Extract what has no features yet and yield the videos with their vectors; see :func:`_encoded`."""
    jobs = {folder / entry.feature_file: entry.path for entry in entries}
    failed = extract(model, [VideoJob(path.stem, Path(video), path) for path, video in jobs.items()]).failed
    yield from _encoded(folder, entries, model, failed, report)


def _encoded(
    folder: Path,
    entries: Sequence[VideoEntry],
    model: MMPTModel,
    failed: dict[str, str],
    report: IndexReport,
) -> Iterator[VideoVectors]:
    """Yield the videos with their vectors; report those that cannot be used."""
    for group in _groups(_readable(folder, entries, failed, report), ENCODED_TOGETHER):
        vectors = model.encode_seconds([features for _, features in group])
        for (entry, _), rows in zip(group, vectors, strict=True):
            seconds = rows.half().cpu()
            if float(seconds.float().norm(dim=1).max()) < LONGEST:
                features = sha256(folder / entry.feature_file)
                yield VideoVectors(replace(entry, seconds=len(seconds), features=features), seconds)
            else:
                report.failed[entry.path] = f"The model gave NaN, infinity or huge numbers for {entry.path}."


def _readable(
    folder: Path, entries: Sequence[VideoEntry], failed: dict[str, str], report: IndexReport
) -> Iterator[tuple[VideoEntry, torch.Tensor]]:
    """Yield the videos with their features, (T, 512); report those that have none."""
    for entry in progress(entries, "vectors", unit="video"):
        path = folder / entry.feature_file
        try:
            if path.stem in failed:
                raise DataError(failed[path.stem])
            if stamp_of(entry.path) != (entry.size, entry.mtime_ns):
                path.unlink(missing_ok=True)
                raise DataError(f"The file {entry.path} was changed while it was being indexed; try again.")
            features = torch.from_numpy(read_array(path)).float()
        except DataError as error:
            report.failed[entry.path] = str(error)
        else:
            yield entry, features


def _groups(videos: Iterable[Video], seconds: int) -> Iterator[list[Video]]:
    """Yield videos, each with its rows, in groups that reach a number of seconds."""
    group: list[Video] = []
    for video in videos:
        group.append(video)
        if sum(len(rows) for _, rows in group) >= seconds:
            yield group
            group = []
    if group:
        yield group


def _remove_damaged(index: Index, entries: Sequence[VideoEntry]) -> None:
    """Remove features of videos if they have changed since they were written; they are made again."""
    checksums = index.checksums()
    for name in {entry.feature_file for entry in entries} & checksums.keys():
        if sha256(index.folder / name) != checksums[name]:
            (index.folder / name).unlink()


def _remove_features(index: Index) -> None:
    """Remove the features of videos that are not in the index."""
    used = {entry.feature_file for entry in index.videos}
    for path in (index.folder / FEATURES).glob("*.npy"):
        if f"{FEATURES}/{path.name}" not in used:
            path.unlink()
