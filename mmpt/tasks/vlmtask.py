"""VLMTask: masked pre-training over video and text (VLM, Xu et al., Findings of ACL 2021)."""

from collections.abc import Mapping
from typing import Any

from mmpt.tasks.reshape import halves_in_turn
from mmpt.tasks.task import Task

__all__ = ["VLMTask"]


class VLMTask(Task):
    """A task whose batches hold the first half of every video's clips, then all the second halves."""

    def reshape(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """See :meth:`Task.reshape`."""
        return super().reshape(halves_in_turn(sample))
