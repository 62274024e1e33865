"""What a training command needs and the file does not say literally; pure functions."""

from collections.abc import Collection, Mapping
from typing import Any

__all__ = ["derive", "training_options"]


def training_options(fairseq: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the options of a section ``fairseq`` without their groups, in the order of the file.

    Groups only arrange the file: who wants an option need not know its group, which may be empty.
    ``batch-size`` is ``batch_size``, as on a command line.
    """
    return {
        name.replace("-", "_"): value
        for group in (fairseq or {}).values()
        for name, value in (group or {}).items()
    }


def derive(values: Mapping[str, Any], taken: Collection[str] = ()) -> dict[str, Any]:
    """Return a task with its computed options filled in.

    ``batch_size`` counts clips and an item of the dataset carries ``dataset.subsampling`` of them, so it
    is divided by that. ``tensorboard_logdir: run`` becomes ``<save_dir>/run_<n>`` with the lowest n that
    is free.

    Args:
        values: The merged task file; not changed.
        taken: Names that exist in the folder ``save_dir``.
    """
    options = training_options(values.get("fairseq"))
    changes: dict[str, Any] = {}
    clips = (values.get("dataset") or {}).get("subsampling")
    if clips and options.get("batch_size"):
        changes["batch_size"] = options["batch_size"] // clips
    if options.get("tensorboard_logdir") == "run" and options.get("save_dir"):
        number = next(n for n in range(len(taken) + 1) if f"run_{n}" not in taken)
        changes["tensorboard_logdir"] = f"{options['save_dir']}/run_{number}"
    groups = {
        group: {name: changes.get(name.replace("-", "_"), value) for name, value in (given or {}).items()}
        for group, given in (values.get("fairseq") or {}).items()
    }
    return {**values, "fairseq": groups}
