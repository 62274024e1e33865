"""Broken shards are made again, the others stay as they are.

Comes in: a folder of shards, the features they were packed from, and the file that tokenised their
captions. What is broken is found as in :mod:`mmpt.store.verify`. Video shards are written again by
their own meta file; token shards by the ordinary tokenisation, which keeps the whole ones.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmpt.errors import DataError
from mmpt.store.caption_files import find_captions
from mmpt.store.meta import ShardMeta, load_meta, meta_path, partial_path, video_prefix
from mmpt.store.pack import feature_loader
from mmpt.store.pretokenize import PretokenizeConfig, caption_prefix, pretokenize
from mmpt.store.shard_writer import forget_shards, rewrite_shards
from mmpt.store.sources import FeatureSource
from mmpt.store.verify import Verification, verify_shards

__all__ = ["RepairReport", "repair_shards"]

_PACK = "Run the command that packed them again: mmpt shards pack"


@dataclass
class RepairReport:
    """What a repair did."""

    rebuilt: list[str] = field(default_factory=list)
    """Shards that were written again, such as ``train_3``."""
    changed: list[str] = field(default_factory=list)
    """Those among them whose content is another now: their features have changed since."""
    removed: list[Path] = field(default_factory=list)
    """Files that were deleted: left over, and extra ones if that was asked for."""
    unrepaired: list[str] = field(default_factory=list)
    """Why something was not repaired, and what to do."""
    after: Verification = field(default_factory=Verification)
    """The folder after the repair."""


def repair_shards(
    folder: str | os.PathLike[str],
    features: FeatureSource | None = None,
    tokenisation: PretokenizeConfig | None = None,
    remove_extra: bool = False,
) -> RepairReport:
    """Find what is broken in a folder of shards, and make only that again.

    Args:
        folder: Folder of the shards (``vfeat_dir``).
        features: What the video shards were packed from.
        tokenisation: What the token shards were made with.
        remove_extra: Delete array files that belong to no set.

    Raises:
        DataError: If the folder does not exist, or another process is writing in it.
    """
    prefix, report = video_prefix(folder), RepairReport()
    before = verify_shards(folder)
    for path in [*before.left_over, *(before.extra if remove_extra else [])]:
        path.unlink()
        report.removed.append(path)
    for (part, split), numbers in sorted(before.broken.items()):
        if part == "":
            _repair_videos(prefix, split, numbers, features, report)
    tokenise = False
    for (part, split), numbers in sorted(before.broken.items()):
        if part == "":
            continue
        reason = _cannot_tokenise(f"{prefix}{part}", split, tokenisation)
        if reason is not None:
            report.unrepaired.append(reason)
            continue
        if numbers and meta_path(f"{prefix}{part}", split).exists():
            forget_shards(f"{prefix}{part}", split, numbers)
        report.rebuilt += [f"{part}{split}_{number}" for number in numbers]
        tokenise = True
    if tokenise and tokenisation is not None:
        pretokenize(tokenisation)
    report.after = verify_shards(folder) if before.problems else before
    return report


def _repair_videos(
    prefix: str, split: str, numbers: Sequence[int], features: FeatureSource | None, report: RepairReport
) -> None:
    reason = _cannot_rebuild(prefix, split, numbers, features)
    if reason is not None or features is None:
        report.unrepaired.append(reason or "")
        return
    changed = rewrite_shards(prefix, split, numbers, feature_loader(features))
    report.rebuilt += [f"{split}_{number}" for number in numbers]
    report.changed += [f"{split}_{number}" for number in changed]


def _cannot_rebuild(
    prefix: str, split: str, numbers: Sequence[int], features: FeatureSource | None
) -> str | None:
    """Return why video shards cannot be made again; None if they can."""
    if partial_path(prefix, split).exists():
        return f"{prefix}{split}: packing was interrupted. {_PACK}; it continues where it stopped."
    if not numbers or not meta_path(prefix, split).exists():
        return (
            f"{prefix}{split}: without a whole {split}_meta.json nobody knows what belongs in which shard. "
            f"{_PACK}; it writes all of them."
        )
    if features is None:
        return (
            f"{prefix}{split}: shards are broken ({', '.join(map(str, numbers))}); name what they were "
            "packed from with --fdir."
        )
    meta = load_meta(prefix, split)
    gone = [name for number in numbers for name in meta.shards[number] if not _fits(features, name, meta)]
    if gone:
        return (
            f"{prefix}{split}: {len(gone)} videos of the broken shards have no usable features in {features} "
            f"(the first: '{gone[0]}'). Extract them again: mmpt extract"
        )
    return None


def _fits(features: FeatureSource, video_id: str, meta: ShardMeta) -> bool:
    try:
        return video_id in features and features.shape(video_id)[1] == (meta.arrays or ())[0].dim
    except DataError:
        return False


def _cannot_tokenise(prefix: str, split: str, tokenisation: PretokenizeConfig | None) -> str | None:
    """Return why token shards cannot be made again; None if they can."""
    if tokenisation is None:
        return f"{prefix}{split}: token shards are broken; name what made them: --captions CONFIG.yaml"
    if split not in tokenisation.splits:
        return f"{prefix}{split}: token shards are broken, and dataset.splits does not name '{split}'."
    if os.path.abspath(caption_prefix(tokenisation)) != os.path.abspath(prefix):
        return (
            f"{prefix}{split}: token shards are broken, and the given configuration makes "
            f"{caption_prefix(tokenisation)}; give the one that made these."
        )
    try:
        find_captions(tokenisation.caption_path)
    except DataError as error:
        return f"{prefix}{split}: token shards are broken. {error}"
    return None
