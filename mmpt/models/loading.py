"""From a task file and its checkpoint, or from a saved folder, to the parts of a model in use."""

import os
from pathlib import Path
from typing import NamedTuple

from mmpt.config import TaskConfig, load_task
from mmpt.config.derive import training_options
from mmpt.encoders import VideoEncoder
from mmpt.errors import CheckpointError, ConfigError
from mmpt.models.build import build_model
from mmpt.models.checkpoint import load_into
from mmpt.models.frameencoder import FrameEncoder
from mmpt.models.mmfusion import MMFusion
from mmpt.models.saving import load_folder_task
from mmpt.store.featurewidth import with_feature_width
from mmpt.store.modelfolder import MANIFEST, is_model_folder, weight_file

__all__ = ["BEST", "Parts", "load_parts"]

BEST = "checkpoint_best.pt"


class Parts(NamedTuple):
    """What a model in use is made of."""

    config: TaskConfig
    model: MMFusion
    video_encoder: VideoEncoder | None
    """None while its weights are not there: features do without it."""
    origin: Path
    """The file of the weights."""


def load_parts(task: str | os.PathLike[str], checkpoint: str | os.PathLike[str] = BEST) -> Parts:
    """Build and load a model; see :meth:`mmpt.models.MMPTModel.from_pretrained`."""
    if is_model_folder(task):
        if checkpoint != BEST:
            raise ConfigError(
                f"The folder {task} holds its own weights, and {checkpoint} was given, too. "
                "Leave one of them out."
            )
        config, checkpoint = load_folder_task(Path(task)), task
    elif Path(task).is_dir():
        raise CheckpointError(
            f"The folder {task} holds no saved model: {MANIFEST} is missing, which a save writes last. "
            "Copy or save the model again."
        )
    else:
        config = with_feature_width(load_task(task))
    origin = _find_checkpoint(config, checkpoint)  # before a hub is asked for BERT's configuration
    video_encoder = FrameEncoder(config).on("cpu") if Path(config.extractor.weights).exists() else None
    if video_encoder is not None and config.dataset.vfeat_dim is None:
        config = config.replace(dataset=config.dataset.replace(vfeat_dim=video_encoder.spec.dim))
    model = build_model(_without_padding(config), pretrained=False)
    load_into(model, origin, complete=True)
    return Parts(config, model, video_encoder, origin)


def _without_padding(config: TaskConfig) -> TaskConfig:
    """Compute no padding unless the task says so: vectors are the same, for less work."""
    chosen = config.model.remove_padding
    return config.replace(model=config.model.replace(remove_padding=chosen is None or chosen))


def _find_checkpoint(config: TaskConfig, checkpoint: str | os.PathLike[str]) -> Path:
    """Return the first place where ``checkpoint``, a file or a saved model, is: the file of its weights.

    Raises:
        CheckpointError: If it is nowhere; names all places.
    """
    folders = [config.eval.save_path, training_options(config.fairseq).get("save_dir")]
    places = dict.fromkeys([*(Path(folder) / checkpoint for folder in folders if folder), Path(checkpoint)])
    for place in map(weight_file, places):
        if place.is_file():
            return place
    raise CheckpointError(
        f"The checkpoint {checkpoint} is not there. Looked for: {', '.join(map(str, places))}. "
        "Put it there (docs/troubleshooting.md says where the published ones are), train the task "
        "(mmpt launch TASK.yaml), or give the path of a checkpoint."
    )
