"""How ``fairseq-train`` ends with an error of mmpt: one sentence, as every command; bugs have a traceback."""

import sys
from types import TracebackType

from mmpt.errors import MMPTError
from mmpt.utils.command import message_for_user

__all__ = ["show_errors_as_sentences"]

_ASSERTIONS = {
    "available devices": "Every process of a training needs a GPU of its own. Launch the task with --jobtype "
    "local_single, which takes the GPUs that there are, or local_cpu.",
    "Must specify batch size": "Launch the task file, which sets it (fairseq.dataset.batch_size), with "
    "mmpt launch TASK.yaml, or add --batch-size and the other options yourself.",
}
"""What fairseq says in an AssertionError about a command line -> what to do."""


def show_errors_as_sentences() -> None:
    """Print errors that mmpt raises on purpose without traceback if they end this process.

    The exit code is Python's, 1. Everything else goes to the hook that was there before.
    """
    before = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        message = message_for_user(error)
        # fairseq wraps what is wrong with a checkpoint into a bare Exception that names the file.
        if kind is Exception and isinstance(error.__context__, MMPTError):
            message = f"{error} {error.__context__}"
        if kind is AssertionError:
            todo = next((todo for says, todo in _ASSERTIONS.items() if says in str(error)), None)
            message = f"{error}. {todo}" if todo else None
        if message is None:
            before(kind, error, trace)
        else:
            sys.stderr.write(f"error: {message}\n")

    sys.excepthook = hook
