"""Where a model comes from, told by what training and evaluation left beside its checkpoint.

Comes in: the checkpoint. Goes out: plain data, without paths of this machine: ``training``, how it was
trained, and ``results``, what it scored. What is not known is left out.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmpt.config import TaskConfig
from mmpt.config.derive import training_options
from mmpt.config.task import read
from mmpt.utils.files import read_json, sha256
from mmpt.utils.trainlog import METRICS_FILE, read_training_log

__all__ = ["provenance"]

_OPTIONS = ("batch_size", "lr", "total_num_update", "warmup_updates", "max_epoch", "max_update", "seed")
_RESULT_FORMAT = 1


def provenance(config: TaskConfig, checkpoint: Path) -> dict[str, Any]:
    """Return what is known about a checkpoint.

    Args:
        config: The task that it was loaded with: told of if it is the training, and where results may be.
        checkpoint: The file.
    """
    beside = checkpoint.parent / "config.yaml"  # of the training, saved by the launcher
    trained = read(beside) if beside.is_file() else config
    facts: dict[str, Any] = {"results": list(_results(config, checkpoint))}
    if isinstance(trained, TaskConfig) and trained.dataset.train_path:
        facts["training"] = _training(trained) | _progress(checkpoint.parent / METRICS_FILE)
    return facts


def _training(config: TaskConfig) -> dict[str, Any]:
    options = training_options(config.fairseq)
    start = options.get("restore_file")
    facts = {
        "data": Path(str(config.dataset.train_path)).name,
        "aligner": config.dataset.aligner,
        "loss": config.loss.loss_cls,
        "started from": Path(start).name if start else f"BERT ({Path(config.dataset.bert_name).name})",
        **{name: options.get(name) for name in _OPTIONS},
    }
    return {name: value for name, value in facts.items() if value is not None}


def _progress(metrics: Path) -> dict[str, Any]:
    if not metrics.is_file():
        return {}
    record = read_training_log(metrics)
    found: dict[str, Any] = {}
    if record.train:
        found["updates"] = record.train[-1][0]
    if record.valid:
        update, loss = min(record.valid, key=lambda point: point[1])
        found["best validation loss"] = f"{loss:.4g}, after {update} updates"
    return found


def _results(config: TaskConfig, checkpoint: Path) -> Iterator[dict[str, Any]]:
    """Yield what the result files say that were made with this very checkpoint."""
    folders = [checkpoint.parent, *([Path(config.eval.save_path)] if config.eval.save_path else [])]
    files = sorted({file.resolve() for folder in folders for file in folder.rglob("*.result.json")})
    digest = sha256(checkpoint) if files else ""
    for file in files:
        result = read_json(file)
        if result.get("format") == _RESULT_FORMAT and (result["checkpoint"] or {}).get("sha256") == digest:
            yield {
                "data": _data(result["config"]),
                "split": result["split"],
                "metrics": result["metrics"],
                "counts": result["counts"],
                "selected_from": result["selected_from"],
            }


def _data(config: Mapping[str, Any]) -> str:
    """Return a short name of what was evaluated on."""
    dataset = config.get("dataset", {})
    names = (dataset.get("meta_processor"), Path(dataset.get("test_path", "")).name)
    return ", ".join(name for name in names if name)
