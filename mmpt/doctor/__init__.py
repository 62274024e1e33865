"""What a task needs on disk: is it there, whole and consistent, where it comes from, what to do next.

Comes in: a task. Goes out: :class:`Finding` objects. Nothing is written, and nothing heavy is imported
before a file is there that needs it.
"""

from mmpt.doctor.finding import Finding
from mmpt.doctor.inspect import inspect_task

__all__ = ["Finding", "inspect_task"]
