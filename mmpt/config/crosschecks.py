"""Rules between keys: each takes a typed task and yields (dotted key, what is wrong)."""

import math
from collections.abc import Iterator
from typing import Any

from mmpt.catalog import REGISTRIES
from mmpt.config.derive import training_options
from mmpt.config.schema import TaskConfig

__all__ = ["cross_check"]

_WORDS = ("dataset.sampled_min_len", "dataset.sampled_max_len")
_SECONDS = ("dataset.sampled_video_min_len", "dataset.sampled_video_max_len")
_WINDOWS = ("dataset.sliding_window", "dataset.sliding_window_size")
_TOWERS = ("model.video_encoder_cls", "model.text_encoder_cls")

_NEIGHBOURS = ("retri_epoch", "num_cands", "dataset.num_video_per_batch")

NEEDS = {
    "VideoRetriTask": _NEIGHBOURS,
    "RetriTask": (*_NEIGHBOURS, "vectorpool_cls", "retriever_cls"),
    "VariedLenAligner": _WORDS,
    "StartClipAligner": _WORDS,
    "OverlappedAligner": _WORDS + _SECONDS,
    "VideoRetriAligner": _WORDS,
    "VideoRetriOverlappedAligner": _WORDS + _SECONDS,
    "CrossTaskAligner": _WINDOWS,
    "COINActionSegmentationAligner": _WINDOWS,
    "MMFusionSeparate": _TOWERS,
    "MMFusionShare": ("model.mm_encoder_cls",),
    "MMFusionJoint": ("model.mm_encoder_cls",),
    "MMFusionActionSegmentation": ("model.mm_encoder_cls",),
    "MMFusionSeparateActionSegmentation": _TOWERS,
    "MMFusionActionLocalization": ("model.mm_encoder_cls",),
    "MMFusionSeparateActionLocalization": _TOWERS,
    "MMFusionShareActionLocalization": ("model.mm_encoder_cls",),
    "MMFusionMFMMLM": ("model.mm_encoder_cls",),
}
"""Class -> keys that must be set where it is used."""

ORDERED = (
    ("dataset.num_video_per_batch", "num_cands"),
    _WORDS,
    _SECONDS,
    _WINDOWS,
    ("dataset.sampled_video_max_len", "dataset.max_video_len"),
    ("dataset.sliding_window_size", "dataset.max_video_len"),
)
"""Pairs of keys whose first value may not be above the second."""

_CONTRASTIVE = ("loss.loss_cls", ("MMContraLoss", "MMSigmoidLoss", "T2VContraLoss", "V2TContraLoss"))
_TWO_TOWERS = ("model.model_cls", ("MMFusionSeparate", "MMFusionShare"))

ONLY_FOR = (
    ("loss.gather", *_CONTRASTIVE),
    ("loss.temperature", *_CONTRASTIVE),
    ("loss.bias", "loss.loss_cls", ("MMSigmoidLoss",)),
    ("loss.grad_cache_chunk", "loss.loss_cls", (*_CONTRASTIVE[1], "MILNCE")),
    ("loss.grad_cache_chunk", *_TWO_TOWERS),
    ("model.normalize", *_TWO_TOWERS),
)
"""Key, the key that names a class, and those of the toolkit's classes that read it."""

LEAST_TEMPERATURE = 0.01
"""Scores are multiplied by 100 at most."""

ONE_VIDEO = ("CrossTaskAligner", "COINActionSegmentationAligner")
"""Aligners whose item is a whole video in as many windows as it needs, so that items do not stack."""

_MASKED_FRAMES = ("MMFusionMFMMLM", "MMFusionMTM")

SHARES = ("dataset.mfm_probability", "dataset.mlm_probability", "dataset.mm_prob")
"""Keys between 0 and 1."""


def cross_check(config: TaskConfig) -> Iterator[tuple[str, str]]:
    """Yield every broken rule of a task whose single values have the right types."""
    yield from _counts(config)
    yield from _lengths(config)
    yield from _needs(config)
    yield from _contrastive(config)
    yield from _masking(config)
    yield from _jobs(config)


def _value(config: TaskConfig, key: str) -> Any:
    section, _, name = key.rpartition(".")
    return (getattr(config, section) if section else config).get(name)


def _counts(config: TaskConfig) -> Iterator[tuple[str, str]]:
    for section in ("dataset", "model", "extractor"):
        names = getattr(config, section).keys()
        for name in names:
            value = _value(config, f"{section}.{name}")
            lowest = 0 if name == "num_iso_layer" else 1
            if isinstance(value, int) and not isinstance(value, bool) and value < lowest:
                yield f"{section}.{name}", f"must be at least {lowest}, got {value}"
    for key in SHARES:
        share = _value(config, key)
        if share is not None and not 0 <= share <= 1:
            yield key, f"must be between 0 and 1, got {share}"


def _lengths(config: TaskConfig) -> Iterator[tuple[str, str]]:
    least = config.dataset.max_video_len + 4
    if config.dataset.max_len < least:
        yield (
            "dataset.max_len",
            f"is {config.dataset.max_len} and must be at least {least}: max_video_len "
            f"{config.dataset.max_video_len}, [CLS], two [SEP], and one text token",
        )
    for low, high in ORDERED:
        below, above = _value(config, low), _value(config, high)
        if below is not None and above is not None and below > above:
            yield low, f"is {below}, more than {high}, which is {above}"


def _needs(config: TaskConfig) -> Iterator[tuple[str, str]]:
    for user in (config.task, config.dataset.aligner, config.model.model_cls):
        for key in NEEDS.get(user or "", ()):
            if _value(config, key) is None:
                yield key, f"must be set, {user} needs it"
    if config.metric is not None and config.predictor is None:
        yield "predictor", "must be set: the metric measures what it predicts"


def _contrastive(config: TaskConfig) -> Iterator[tuple[str, str]]:
    for key, place, users in ONLY_FOR:
        section, _, name = place.partition(".")
        value, chosen = _value(config, key), _value(config, place)
        if value is None or value is False or chosen is None or chosen in users:
            continue
        if REGISTRIES[section, name].registered(chosen) is None:  # a user's own class may read it, too
            yield key, f"is set, and {name} '{chosen}' does not use it; it is for {', '.join(users)}"
    chunk, temperature = config.loss.grad_cache_chunk, config.loss.temperature
    if chunk is not None and chunk < 1:
        yield "loss.grad_cache_chunk", f"must be at least 1, got {chunk}"
    if temperature is not None and not LEAST_TEMPERATURE <= temperature < math.inf:
        yield "loss.temperature", f"must be at least {LEAST_TEMPERATURE}, got {temperature}"


def _masking(config: TaskConfig) -> Iterator[tuple[str, str]]:
    dataset, model = config.dataset, config.model.model_cls
    if dataset.aligner == "MFMMLMAligner" and model in _MASKED_FRAMES and not dataset.lazy_vfeat_mask:
        yield (
            "dataset.lazy_vfeat_mask",
            f"must be true: {model} learns to recognise masked frames, and otherwise the aligner erases them",
        )


def _jobs(config: TaskConfig) -> Iterator[tuple[str, str]]:
    options = training_options(config.fairseq)
    trains = config.loss.loss_cls is not None and "optimization" in config.fairseq
    if trains and not options.get("save_dir"):
        yield "fairseq.checkpoint.save_dir", "must be set: training writes its checkpoints there"
    clips, batch = config.dataset.subsampling or 1, options.get("batch_size")
    if isinstance(batch, int) and batch < max(clips, 1):
        yield (
            "fairseq.dataset.batch_size",
            f"is {batch} and must be at least {clips}: it counts clips, and one item has {clips} "
            "(dataset.subsampling)",
        )
    if config.dataset.aligner in ONE_VIDEO and batch != 1:
        yield (
            "fairseq.dataset.batch_size",
            f"is {batch} and must be 1: an item of {config.dataset.aligner} is all windows of one video",
        )
