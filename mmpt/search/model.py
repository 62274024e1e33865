"""Which model an index is made with, and that it is searched with the same."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from mmpt.config import TaskConfig
from mmpt.config.task import read
from mmpt.errors import CheckpointError, ConfigError, DataError
from mmpt.models import MMPTModel
from mmpt.search.index import Index
from mmpt.search.manifest import MANIFEST, Manifest, ModelRecord
from mmpt.store.modelfolder import is_model_folder
from mmpt.utils.plugins import is_loaded, load_plugin

__all__ = [
    "DEMO_KNOWS",
    "check_identity",
    "default_task",
    "is_demo",
    "load_for_index",
    "load_model",
    "model_name",
]

logger = logging.getLogger(__name__)

_DEMO = "projects/demo/how2.yaml"
DEMO_KNOWS = "coloured shapes and nothing else"
# Task -> files that it needs, best first.
_DEFAULTS = {
    "projects/retri/videoclip/how2.yaml": (
        "runs/retri/videoclip/checkpoint_best.pt",
        "pretrained_models/s3d_howto100m.pth",
    ),
    _DEMO: ("runs/demo/checkpoint_best.pt",),
}


def default_task() -> str:
    """Return the task of the model to use where none is named: VideoCLIP's, else that of the demo.

    Raises:
        ConfigError: If neither is there; says what to do.
    """
    for task, files in _DEFAULTS.items():
        if all(map(os.path.isfile, files)):
            if task == _DEMO:
                logger.warning(
                    "VideoCLIP's files are not here; the demo's model (%s) is used, which knows %s.",
                    task,
                    DEMO_KNOWS,
                )
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
        plugins: Files or modules to load first.

    Returns:
        The task, and its model.
    """
    record = Manifest.load(folder).model if (folder / MANIFEST).exists() else None
    if task is None and record is None:
        task = default_task()
    remembered = record.task if record else ""
    return os.fspath(task or remembered), load_model(task, record, plugins)


def load_model(
    task: str | os.PathLike[str] | None, record: ModelRecord | None = None, plugins: Sequence[str] = ()
) -> MMPTModel:
    """Load the model of a task file, or of a folder that ``save_pretrained`` wrote.

    Args:
        task: What the user names; None: what the index remembers. An index may come from strangers: code
            that it names, itself or through its task, is not run.
        record: What an index knows of its model.
        plugins: Files or modules that the user names, to load first.

    Raises:
        ConfigError: If the task is missing or wrong, or the index names code that has not been loaded.
        CheckpointError: If the checkpoint is missing or wrong.
    """
    for plugin in plugins:
        load_plugin(plugin)
    try:
        if task is None and record is not None:
            _refuse_code(record)
            task = record.task
        if not task:
            raise ConfigError("The index was made with a model that has no file; name one with --model.")
        return MMPTModel.from_pretrained(task)[0]
    except (ConfigError, CheckpointError, DataError) as error:
        if record is None or record.working_directory == os.getcwd():
            raise
        raise ConfigError(
            f"{error} The index was made in {record.working_directory} with the model {record.task}: "
            "work there, or name the model with --model."
        ) from error


def model_name(record: ModelRecord) -> str:
    """Return what people call a model: its task in ``projects``, else its file or folder, else what it is."""
    task = record.task.removesuffix(".yaml")
    _, shipped, name = f"/{task}".rpartition("/projects/")
    return (name if shipped else Path(task).name) or record.identity


def is_demo(record: ModelRecord) -> bool:
    """Tell whether a model is the one that ``make demo`` trains."""
    return Path(record.task).match(_DEMO)


def _refuse_code(record: ModelRecord) -> None:
    """Refuse code that an index names, and that nobody else has loaded."""
    named = [
        os.path.join(record.working_directory, each) if each.endswith(".py") else each
        for each in record.plugins
    ]
    if record.task and not is_model_folder(record.task):
        config = read(record.task)
        named += config.plugins if isinstance(config, TaskConfig) else []
    unknown = [each for each in named if not is_loaded(each)]
    if unknown:
        raise ConfigError(
            f"The index was made with code, {unknown[0]}, which an index alone does not get run. If you know "
            f"what it does, name it: --plugin {unknown[0]}"
        )


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
