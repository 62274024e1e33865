"""Captions become token shards beside the video shards, so that training never tokenises.

For video i of shard n, item i of ``<tfeat_dir><split>_<n>.startends`` holds the times of its captions
in seconds, float32 (captions, 2), and item i of ``.caps_ids`` their token ids without special tokens,
int32 (captions, max_tokens), padded with -1. A video without captions has an empty item.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, get_type_hints

import numpy as np

from mmpt.config.schema import Section
from mmpt.config.typecheck import describe, fits, suggest
from mmpt.config.yamlfile import read_yaml
from mmpt.errors import ConfigError, DataError
from mmpt.store.caption_files import CaptionFile, caption_digest, parse_captions
from mmpt.store.captions import MAX_CHARACTERS, clean_captions
from mmpt.store.meta import caption_arrays, load_meta, meta_path, read_meta
from mmpt.store.shard_writer import write_shards
from mmpt.store.tokenizing import token_rows
from mmpt.utils.parallel import Workers
from mmpt.utils.tokenizer import load_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = [
    "PretokenizeConfig",
    "PretokenizeReport",
    "caption_prefix",
    "check_vocabulary",
    "pretokenize",
    "read_config",
]

VIDEOS_AT_A_TIME = 64
"""Videos that go to a worker together."""

_Group = list[tuple[str, tuple[Path, bytes] | None]]
"""Ids of some videos, and where their captions stand with what stands there."""


@dataclass(kw_only=True)
class PretokenizeConfig(Section):
    """The ``dataset:`` section of a pretokenisation file."""

    bert_name: str
    """Tokenizer: a folder, or a name on the Hugging Face hub."""
    vfeat_dir: str
    """Folder of the video shards; the token shards go there."""
    caption_path: str = "data/how2/raw_caption_dedup.pkl"
    """Clean captions, ``.pkl`` or ``.jsonl``, or another kind that :mod:`mmpt.store.caption_files` reads."""
    splits: list[str] = field(default_factory=lambda: ["train", "val"])
    """Splits, as in the names of the shards."""
    use_fast: bool = True
    """Use the fast (Rust) tokenizer."""
    max_tokens: int = 32
    """Token ids kept of a caption."""
    max_characters: int = MAX_CHARACTERS
    """Characters kept of a caption before it is tokenised."""


@dataclass
class PretokenizeReport:
    """What was written in this run; kept shards of an earlier run are not counted."""

    videos: int = 0
    without_captions: list[str] = field(default_factory=list)
    """Ids of videos in the shards that the caption file does not have, or has no usable caption of."""
    captions: int = 0
    cut: int = 0
    """Captions longer than ``max_characters`` or ``max_tokens``."""


def read_config(path: str | os.PathLike[str]) -> PretokenizeConfig:
    """Read the ``dataset:`` section of a YAML file.

    Raises:
        ConfigError: If a key is unknown, missing or of another type; all faults in one message.
    """
    section = read_yaml(path).get("dataset")
    if not isinstance(section, Mapping):
        raise ConfigError(f"{path}: a section 'dataset:' with bert_name and vfeat_dir is expected.")
    hints = {name: hint for name, hint in get_type_hints(PretokenizeConfig).items() if name != "extra"}
    problems = [
        f"dataset.{key} is not known{suggest(str(key), hints)}" for key in section if key not in hints
    ]
    for key, hint in hints.items():
        if not fits(section.get(key), hint):
            problems.append(f"dataset.{key} must be {describe(hint)}, got {section[key]!r}.")
    for key in ("bert_name", "vfeat_dir"):
        if section.get(key) is None:
            problems.append(f"dataset.{key} is missing.")
    for key in ("max_tokens", "max_characters"):
        if isinstance(section.get(key), int) and section[key] < 1:
            problems.append(f"dataset.{key} must be at least 1, got {section[key]}.")
    if section.get("splits") == []:
        problems.append("dataset.splits is empty; name train, val or both.")
    if problems:
        raise ConfigError(f"{path}: {' '.join(problems)}")
    return PretokenizeConfig.from_mapping(section)


def caption_prefix(config: PretokenizeConfig) -> str:
    """Return ``tfeat_dir``, the beginning of the paths of the token shards.

    It is ``<vfeat_dir>/<caption file's stem>.<last part of bert_name>.``, for the usual file
    ``<vfeat_dir>/raw_caption_dedup.bert-base-uncased.``
    """
    name = f"{Path(config.caption_path).stem}.{Path(config.bert_name).name}."
    return os.path.join(config.vfeat_dir, name)


def pretokenize(config: PretokenizeConfig, workers: int = 1) -> PretokenizeReport:
    """Write the token shards of all splits; an interrupted run continues where it stopped.

    Args:
        config: What to read and write.
        workers: Processes that share the work; the shards do not depend on it.

    Raises:
        DataError: If the video shards have no meta file, or the captions are missing, damaged or those of
            other videos.
        ConfigError: If there is no such tokenizer.
    """
    shards = {split: read_meta(config.vfeat_dir, split) for split in config.splits}
    tokenizer = load_tokenizer(config.bert_name, config.use_fast)
    captions = CaptionFile(config.caption_path)
    for split, ids in shards.items():
        _check_captions(config, split, ids, captions)
    source = {
        "bert_name": config.bert_name,
        "vocabulary_sha256": _vocabulary_sha256(tokenizer),
        "captions": captions.path.name,
        "captions_sha256": caption_digest(captions.path),
        "max_tokens": config.max_tokens,
        "max_characters": config.max_characters,
    }
    arrays = caption_arrays(config.max_tokens)
    with Workers(workers) as pool:
        work = _Tokenization(config, captions, pool)
        for split, ids in shards.items():
            write_shards(caption_prefix(config), split, ids, work.items, arrays, source)
    return work.report


def _check_captions(
    config: PretokenizeConfig, split: str, shards: Mapping[int, list[str]], captions: CaptionFile
) -> None:
    """Refuse captions of other videos before anything is written."""
    if not any(captions.get(video_id) for ids in shards.values() for video_id in ids):
        raise DataError(
            f"The caption file {captions.path} ({len(captions)} videos) has no caption of any of the "
            f"{sum(map(len, shards.values()))} videos in the '{split}' shards of {config.vfeat_dir}. "
            "Correct dataset.caption_path or dataset.vfeat_dir, so that both are of the same videos."
        )


def check_vocabulary(tfeat_dir: str, split: str, bert_name: str, use_fast: bool = True) -> None:
    """Check that token shards were made with the vocabulary of ``bert_name``.

    Shards whose meta file does not say, or that have none (those of the original), cannot be checked.

    Raises:
        DataError: If they were made with another one, so that their ids mean other words.
    """
    if not meta_path(tfeat_dir, split).exists():
        return
    source = load_meta(tfeat_dir, split).source
    made_with = source.get("vocabulary_sha256")
    if made_with is not None and made_with != _vocabulary_sha256(load_tokenizer(bert_name, use_fast)):
        raise DataError(
            f"The token shards {tfeat_dir}{split}_* were made with the vocabulary of "
            f"'{source.get('bert_name')}', which is not that of dataset.bert_name '{bert_name}'. "
            "Tokenise the captions again with mmpt shards tokenise."
        )


def _vocabulary_sha256(tokenizer: "PreTrainedTokenizerBase") -> str:
    return hashlib.sha256(json.dumps(sorted(tokenizer.get_vocab().items())).encode()).hexdigest()


class _Tokenization:
    """Makes the items of a shard and counts what it meets."""

    def __init__(self, config: PretokenizeConfig, captions: CaptionFile, workers: Workers) -> None:
        self.report = PretokenizeReport()
        self._config, self._captions, self._workers = config, captions, workers

    def items(self, ids: Sequence[str]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield (startends, caps_ids) of every video."""
        groups = [ids[start : start + VIDEOS_AT_A_TIME] for start in range(0, len(ids), VIDEOS_AT_A_TIME)]
        work = partial(_tokenize_group, self._config)
        for group, (counts, times, tokens, cut) in zip(
            groups, self._workers.map(work, map(self._records, groups)), strict=True
        ):
            self.report.videos += len(group)
            self.report.without_captions += [
                name for name, count in zip(group, counts, strict=True) if not count
            ]
            self.report.captions += len(times)
            self.report.cut += cut
            ends = np.cumsum(counts)
            for begin, end in zip(ends - counts, ends, strict=True):
                yield times[begin:end], tokens[begin:end]

    def _records(self, ids: Sequence[str]) -> _Group:
        return [(name, self._captions.record(name) if name in self._captions else None) for name in ids]


def _tokenize_group(
    config: PretokenizeConfig, group: _Group
) -> tuple[list[int], np.ndarray, np.ndarray, int]:
    """Return how many captions each video has, all their times and token ids, and how many were cut."""
    captions = [
        clean_captions(video_id, parse_captions(record[0], video_id, record[1]), record[0]) if record else []
        for video_id, record in group
    ]
    together = list(chain.from_iterable(captions))
    times = np.array([caption[:2] for caption in together], dtype=np.float32).reshape(-1, 2)
    tokens, cut = token_rows(
        config.bert_name,
        config.use_fast,
        [caption.text for caption in together],
        config.max_characters,
        config.max_tokens,
    )
    return list(map(len, captions)), times, tokens, cut
