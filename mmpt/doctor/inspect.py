"""All findings of one task, in the order in which faults are to be mended."""

from collections.abc import Mapping

from mmpt.config import TaskConfig
from mmpt.doctor.annotations import inspect_files, inspect_splits, is_sharded
from mmpt.doctor.checkpoints import inspect_checkpoints
from mmpt.doctor.features import inspect_encoder, inspect_features
from mmpt.doctor.finding import Finding
from mmpt.doctor.pretrained import inspect_bert
from mmpt.doctor.shards import inspect_shards

__all__ = ["inspect_task"]


def inspect_task(
    config: TaskConfig, tasks: Mapping[str, TaskConfig] | None = None, whole_project: bool = False
) -> list[Finding]:
    """Return what a task needs and how it stands with each.

    Args:
        config: The task, checked.
        tasks: The tasks of its project by file: those that write the checkpoints that it starts from.
        whole_project: Whether they are to run too, so that their checkpoints need not be there yet.
    """
    evaluates = config.predictor is not None or config.dataset.split == "test"
    splits = [config.dataset.split or "test"] if evaluates else ["train", "valid"]
    files = list(inspect_files(config.dataset, splits))
    bert, sharded = inspect_bert(config), is_sharded(config.dataset)
    features = list(
        inspect_shards(config.dataset, splits, bert.status == "ok")
        if sharded
        else inspect_features(config.dataset)
    )
    # The lists alone can be read without features, shards cannot.
    readable = not any(each.is_fault for each in [*files, *(features if sharded else [])])
    contents = list(inspect_splits(config.dataset, splits)) if readable else []
    encoder = inspect_encoder(config.extractor, not any(each.is_fault for each in [*features, *contents]))
    comparable = readable and bert.status == "ok"
    checkpoints = inspect_checkpoints(config, evaluates, tasks or {}, comparable, whole_project)
    return [*files, encoder, *features, *contents, bert, *checkpoints]
