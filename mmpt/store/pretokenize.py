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
from pathlib import Path
from typing import TYPE_CHECKING, get_type_hints

import numpy as np

from mmpt.config.schema import Section
from mmpt.config.typecheck import describe, fits, suggest
from mmpt.config.yamlfile import read_yaml
from mmpt.errors import ConfigError, DataError
from mmpt.store.caption_files import CaptionFile
from mmpt.store.captions import MAX_CHARACTERS, Caption
from mmpt.store.meta import caption_arrays, load_meta, meta_path, read_meta
from mmpt.store.shard_writer import write_shards
from mmpt.utils.files import sha256
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

VIDEOS_AT_A_TIME = 256
"""Videos whose captions go to the tokenizer in one call."""


@dataclass(kw_only=True)
class PretokenizeConfig(Section):
    """The ``dataset:`` section of a pretokenisation file."""

    bert_name: str
    """Tokenizer: a folder, or a name on the Hugging Face hub."""
    vfeat_dir: str
    """Folder of the video shards; the token shards go there."""
    caption_path: str = "data/how2/raw_caption_dedup.pkl"
    """Clean captions, ``.pkl`` or ``.jsonl``."""
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


def pretokenize(config: PretokenizeConfig) -> PretokenizeReport:
    """Write the token shards of all splits; an interrupted run continues where it stopped.

    Raises:
        DataError: If the video shards have no meta file, or the caption file is missing, damaged or
            that of other videos.
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
        "captions_sha256": sha256(captions.path),
        "max_tokens": config.max_tokens,
        "max_characters": config.max_characters,
    }
    arrays = caption_arrays(config.max_tokens)
    work = _Tokenization(config, tokenizer, captions)
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
            "Tokenise the captions again with scripts/text_token_extractor/pretokenization.py."
        )


def _vocabulary_sha256(tokenizer: "PreTrainedTokenizerBase") -> str:
    return hashlib.sha256(json.dumps(sorted(tokenizer.get_vocab().items())).encode()).hexdigest()


class _Tokenization:
    """Makes the items of a shard and counts what it meets."""

    def __init__(
        self,
        config: PretokenizeConfig,
        tokenizer: "PreTrainedTokenizerBase",
        captions: Mapping[str, list[Caption]],
    ) -> None:
        self.report = PretokenizeReport()
        self._config, self._tokenizer, self._captions = config, tokenizer, captions

    def items(self, ids: Sequence[str]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield (startends, caps_ids) of every video."""
        for start in range(0, len(ids), VIDEOS_AT_A_TIME):
            group = ids[start : start + VIDEOS_AT_A_TIME]
            captions = [self._captions.get(video_id, []) for video_id in group]
            self.report.videos += len(group)
            self.report.without_captions += [
                name for name, own in zip(group, captions, strict=True) if not own
            ]
            tokens = iter(self._tokens([caption.text for own in captions for caption in own]))
            for own in captions:
                times = np.array([(c.start, c.end) for c in own], dtype=np.float32).reshape(-1, 2)
                yield times, self._padded([next(tokens) for _ in own])

    def _tokens(self, texts: list[str]) -> list[list[int]]:
        """Return the token ids of every text, cut to the limits."""
        if not texts:
            return []
        length, characters = self._config.max_tokens, self._config.max_characters
        encoded = self._tokenizer(
            [text[:characters] for text in texts], add_special_tokens=False, return_attention_mask=False
        )["input_ids"]
        self.report.captions += len(texts)
        self.report.cut += sum(
            len(text) > characters or len(ids) > length for text, ids in zip(texts, encoded, strict=True)
        )
        return [ids[:length] for ids in encoded]

    def _padded(self, rows: list[list[int]]) -> np.ndarray:
        padded = np.full((len(rows), self._config.max_tokens), -1, dtype=np.int32)
        for target, ids in zip(padded, rows, strict=True):
            target[: len(ids)] = ids
        return padded
