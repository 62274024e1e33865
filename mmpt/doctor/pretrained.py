"""BERT: the tokenizer and the weights that ``dataset.bert_name`` stands for."""

import os

from mmpt.config import TaskConfig
from mmpt.doctor.finding import Finding
from mmpt.doctor.sources import BERT
from mmpt.errors import DataError
from mmpt.utils.files import read_json

__all__ = ["inspect_bert"]

_PARTS = {
    "config.json": ("config.json",),
    "vocab.txt": ("vocab.txt", "tokenizer.json"),
    "model.safetensors": ("model.safetensors", "pytorch_model.bin"),
}
"""What a BERT consists of -> the files that may hold it."""


def inspect_bert(config: TaskConfig) -> Finding:
    """Return how it stands with the tokenizer and the first weights of a task."""
    name, what = config.dataset.bert_name, "BERT and its tokenizer"
    found = {part: _find(name, files) for part, files in _PARTS.items()}
    absent = [part for part, path in found.items() if path is None]
    if absent:
        return _absent(name, what, absent)
    fault = _fault(config, found)
    if fault:
        return Finding("broken", what, name, fault, source=BERT, todo="correct the task file, or bert_name")
    size = os.path.getsize(found["model.safetensors"] or "") / 1e6
    return Finding("ok", what, name, f"{size:.0f} MB", source=BERT)


def _find(name: str, files: tuple[str, ...]) -> str | None:
    """Return where one of ``files`` is: in the folder ``name``, or in the cache of the hub."""
    if os.path.isdir(name):
        paths = [os.path.join(name, file) for file in files]
        return next((path for path in paths if os.path.isfile(path) and os.path.getsize(path)), None)
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        cached = [try_to_load_from_cache(name, file) for file in files]
    except HFValidationError:  # a path: no possible name on the hub
        return None
    return next((path for path in cached if isinstance(path, str)), None)


def _absent(name: str, what: str, absent: list[str]) -> Finding:
    lacks = ", ".join(absent)
    if os.path.isdir(name):
        todo = f"put {lacks} of a BERT into {name}"
        return Finding("missing", what, name, f"the folder lacks {lacks}", source=BERT, todo=todo)
    is_path = name.startswith((".", "/")) or name.count("/") > 1
    if is_path or os.environ.get("HF_HUB_OFFLINE", "") not in ("", "0"):
        message = "is no folder" if is_path else "is not in the cache of the hub, which is switched off"
        todo = f"get bert-base-uncased from {BERT.page} and set dataset.bert_name to its folder"
        return Finding("missing", what, name, message, source=BERT, todo=todo)
    message = f"{lacks} will be downloaded by the first run"
    return Finding("note", what, name, message, source=BERT)


def _fault(config: TaskConfig, found: dict[str, str | None]) -> str:
    """Return what does not fit between BERT and the task, or nothing."""
    try:
        bert = read_json(found["config.json"] or "")
    except DataError as error:
        return str(error)
    layers, positions = bert.get("num_hidden_layers"), bert.get("max_position_embeddings")
    if positions is not None and config.dataset.max_len > positions:
        return f"dataset.max_len is {config.dataset.max_len}, and BERT has {positions} positions"
    asked = {"dataset.num_iso_layer": config.dataset.num_iso_layer}
    if config.model.video_encoder_cls is not None:
        asked["model.num_hidden_video_layers"] = config.model.num_hidden_video_layers
    for key, number in asked.items():
        if layers is not None and number is not None and number > layers:
            return f"{key} is {number}, and BERT has {layers} layers"
    return ""
