"""Tasks: data, model and loss of one configuration, and the step that training repeats."""

from typing import Any

from mmpt.catalog import TASKS
from mmpt.registry import unknown_attribute
from mmpt.tasks.milncetask import MILNCETask
from mmpt.tasks.retritask import RetriTask, VideoRetriTask
from mmpt.tasks.task import Task
from mmpt.tasks.vlmtask import VLMTask

__all__ = ["MILNCETask", "RetriTask", "Task", "VLMTask", "VideoRetriTask"]


def __getattr__(name: str) -> Any:
    if name == "FairseqMMTask":  # an old public name; needs fairseq
        from mmpt.fairseq_plugin import FairseqMMTask

        return FairseqMMTask
    raise unknown_attribute(__name__, name, TASKS)
