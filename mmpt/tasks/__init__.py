"""Tasks: data, model and loss of one configuration, and the step that training repeats."""

from typing import Any

from mmpt.tasks.task import Task

__all__ = ["Task"]


def __getattr__(name: str) -> Any:
    if name == "FairseqMMTask":  # an old public name; needs fairseq
        from mmpt.fairseq_plugin import FairseqMMTask

        return FairseqMMTask
    raise AttributeError(f"module 'mmpt.tasks' has no attribute '{name}'")
