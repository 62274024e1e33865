"""Which model an index is made with, and that it is searched with the same."""

import os
from collections.abc import Sequence
from pathlib import Path

from mmpt.encoders import load_plugin
from mmpt.errors import CheckpointError, ConfigError, DataError
from mmpt.models import MMPTModel
from mmpt.search.index import Index
from mmpt.search.manifest import MANIFEST, Manifest, ModelRecord

__all__ = ["check_identity", "default_task", "load_for_index", "load_model"]

# Task -> files that it needs, best first.
_DEFAULTS = {
    "projects/retri/videoclip/how2.yaml": (
        "runs/retri/videoclip/checkpoint_best.pt",
        "pretrained_models/s3d_howto100m.pth",
    ),
    "projects/demo/how2.yaml": ("runs/demo/checkpoint_best.pt",),
}


def default_task() -> str:
    """Return the task of the model to use where none is named: VideoCLIP's, else that of the demo.

    Raises:
        ConfigError: If neither is there; says what to do.
    """
    for task, files in _DEFAULTS.items():
        if all(map(os.path.isfile, files)):
            return task
    official = " and ".join(next(iter(_DEFAULTS.values())))
    raise ConfigError(
        f"There is no model to use in {Path.cwd()}: run `make demo` there, which trains one, put VideoCLIP's "
        f"files in place ({official}), or name a task with --model TASK.yaml."
    )


def load_for_index(
    folder: Path, task: str | os.PathLike[str] | None = None, plugins: Sequence[str] = ()
) -> tuple[str, MMPTModel]:
    """Load the model to make an index with, or to go on with.

    Args:
        folder: The index, which need not be there.
        task: What the user names; None: what the index remembers, else :func:`default_task`.
        plugins: Files or modules to load first; those that the index remembers are loaded, too.

    Returns:
        The task, and its model.
    """
    record = Manifest.load(folder).model if (folder / MANIFEST).exists() else None
    task = os.fspath(task or (record.task if record else default_task()))
    return task, load_model(task, record, plugins)


def load_model(
    task: str | os.PathLike[str], record: ModelRecord | None = None, plugins: Sequence[str] = ()
) -> MMPTModel:
    """Load the model of a task file, or of a folder that ``save_pretrained`` wrote.

    Args:
        task: The file or folder.
        record: What an index knows of its model.
        plugins: Files or modules to load first.

    Raises:
        ConfigError: If the task is missing or wrong.
        CheckpointError: If the checkpoint is missing or wrong.
    """
    for plugin in [*plugins, *(record.plugins if record else ())]:
        load_plugin(plugin)
    if not os.fspath(task):
        raise ConfigError("The index was made with a model that has no file; name one with --model.")
    try:
        return MMPTModel.from_pretrained(task)[0]
    except (ConfigError, CheckpointError, DataError) as error:
        if record is None or record.working_directory == os.getcwd():
            raise
        raise ConfigError(
            f"{error} The index was made in {record.working_directory} with the model {record.task}: "
            "work there, or name the model with --model."
        ) from error


def check_identity(index: Index, model: MMPTModel) -> None:
    """Refuse a model whose vectors mean something else than those of the index.

    Raises:
        ConfigError: If it is another model.
    """
    made_with = index.meta.model
    if made_with.identity != model.identity:
        raise ConfigError(
            f"The index {index.folder} was made with the model {made_with.identity}, and the one given is "
            f"{model.identity}. Use that one ({made_with.task or 'given ready-made'}), or make another "
            "index: mmpt index VIDEOS --out ANOTHER_FOLDER"
        )
