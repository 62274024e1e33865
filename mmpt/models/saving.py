"""``save_pretrained`` and its way back: a model in use <-> a folder, see :mod:`mmpt.store.modelfolder`."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors.torch import save_model as save_weights
from transformers import BertModel

import mmpt
from mmpt.config import ExtractorConfig, TaskConfig, load_task
from mmpt.config.yamlfile import dump_yaml, read_yaml
from mmpt.encoders.video_projection import FEATURE_WIDTH
from mmpt.errors import CheckpointError, ConfigError
from mmpt.models.modelcard import model_card
from mmpt.models.provenance import provenance
from mmpt.models.segmentation import MMBertForTokenClassification
from mmpt.store.modelfolder import (
    BERT,
    CARD,
    TASK,
    VIDEO_ENCODER,
    WEIGHTS,
    file_facts,
    is_model_folder,
    new_model_folder,
    read_manifest,
    write_manifest,
)
from mmpt.utils.files import share_by_umask

if TYPE_CHECKING:
    from mmpt.models.mmptmodel import MMPTModel

__all__ = ["load_folder_task", "save_model"]

_INPUT = ("use_fast", "max_video_len", "max_len", "num_iso_layer", "vfeat_dim")
"""Keys of ``dataset`` that decide what a model reads. Others name data, on the machine that has them."""
_SECTIONS = ("dataset", "model", "extractor")
"""All that a saved task has: other keys read other files or run them (plugins, includes, base_dir)."""


def save_model(pretrained: "MMPTModel", folder: Path, licence: str | None, video_encoder: bool) -> None:
    """Write a model as a folder; see :meth:`mmpt.models.MMPTModel.save_pretrained`."""
    model, config = pretrained.model, pretrained.config
    facts = {
        "model": type(model).__name__,
        "identity": pretrained.identity,
        "dim": pretrained.dim,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "reads": _reads(config, video_encoder),
        "mmpt": mmpt.__version__,
        **_history(pretrained),
    }
    facts["licence"] = licence or facts.get("licence")
    with new_model_folder(folder) as new:
        extractor = _copied(config.extractor, new) if video_encoder else _named(config.extractor)
        # Tensors that are one in the model are one in the file, too.
        save_weights(model, str(new / WEIGHTS), metadata={"format": "pt"})
        share_by_umask(new / WEIGHTS)
        pretrained.tokenizer.save_pretrained(new / BERT)
        _whole_bert(model).config.save_pretrained(new / BERT)
        (new / TASK).write_text(dump_yaml(_task(config, extractor, model)), encoding="utf-8")
        (new / CARD).write_text(model_card(facts, file_facts(new)), encoding="utf-8")
        write_manifest(new, facts)


def load_folder_task(folder: Path) -> TaskConfig:
    """Return the task of a saved model, with BERT and video encoder where the folder has them.

    Raises:
        CheckpointError: If the folder is incomplete.
        ConfigError: If its task is wrong, or names code or other files.
    """
    read_manifest(folder)
    path = folder / TASK
    foreign = sorted(map(str, read_yaml(path).keys() - set(_SECTIONS)))
    if foreign:  # before anything of it is followed
        raise ConfigError(
            f"{path} has the key '{foreign[0]}': a saved model runs no code and reads no other file. Remove "
            "it, and import what registers your own classes before you load the model."
        )
    config = load_task(path)
    extractor = config.extractor
    if (folder / extractor.weights).exists():
        extractor = extractor.replace(weights=str(folder / extractor.weights))
    return config.replace(dataset=config.dataset.replace(bert_name=str(folder / BERT)), extractor=extractor)


def _history(pretrained: "MMPTModel") -> dict[str, Any]:
    """Return where a model comes from: what its folder says, or what lies beside its checkpoint."""
    origin = pretrained.origin
    if origin is None:
        return {}
    if is_model_folder(origin.parent):
        known = read_manifest(origin.parent)
    else:
        known = provenance(pretrained.config, origin)
    return {key: known[key] for key in ("training", "results", "licence") if key in known}


def _reads(config: TaskConfig, included: bool) -> dict[str, Any]:
    """Return what a model reads, in words."""
    dataset, extractor = config.dataset, config.extractor
    width, seconds = dataset.vfeat_dim or FEATURE_WIDTH, dataset.max_video_len
    return {
        "video": f"a vector of {width} numbers per second; {seconds} seconds at a time, longer in windows",
        "text": f"up to {dataset.max_len - dataset.max_video_len - 3} tokens",
        "video encoder": f"{extractor.type}, {Path(extractor.weights).name}, "
        + ("in this folder" if included else "not in this folder"),
    }


def _task(config: TaskConfig, extractor: ExtractorConfig, model: Any) -> dict[str, Any]:
    """Return what inference needs of a task, as a mapping for YAML."""
    network = {**_given(config.model), **config.model.extra}
    for part in model.modules():
        if isinstance(part, MMBertForTokenClassification):
            network["num_labels"] = part.num_labels  # else counted in annotations
    return {
        "dataset": {"bert_name": BERT, **{key: config.dataset.get(key) for key in _INPUT}},
        "model": network,
        "extractor": {"dict_path": None, **_given(extractor.replace(dict_path=None))},
    }


def _given(section: Any) -> dict[str, Any]:
    """Return the keys of a section that are set."""
    return {key: value for key, value in vars(section).items() if value is not None and key != "extra"}


def _copied(extractor: ExtractorConfig, folder: Path) -> ExtractorConfig:
    """Copy the weights of the video encoder into the folder."""
    source = Path(extractor.weights)
    if not source.exists():
        raise CheckpointError(
            f"The weights {source} of the video encoder do not exist and would be copied. Put them there, or "
            "save with video_encoder=False: the model then takes features, and frames where it finds them."
        )
    # The name stays, for it is part of the encoder's identity.
    name = f"{VIDEO_ENCODER}/{source.resolve().name if source.is_dir() else source.name}"
    (folder / VIDEO_ENCODER).mkdir()
    if source.is_dir():
        shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns(".*"))
    else:
        shutil.copyfile(source, folder / name)
    return extractor.replace(weights=name)


def _named(extractor: ExtractorConfig) -> ExtractorConfig:
    """Name the weights without the folder that only this machine has."""
    path = Path(extractor.weights)
    return extractor.replace(weights=path.name) if path.is_absolute() else extractor


def _whole_bert(model: Any) -> BertModel:
    """Return the BERT with the most layers: towers may have its first ones only."""
    berts = (part for part in model.modules() if isinstance(part, BertModel))
    return max(berts, key=lambda bert: bert.config.num_hidden_layers)
