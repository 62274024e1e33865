"""How ``fairseq-train`` ends with an error of mmpt: one sentence, as every command; bugs have a traceback."""

import sys
from types import TracebackType

from mmpt.errors import MMPTError
from mmpt.utils.command import message_for_user

__all__ = ["show_errors_as_sentences"]


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
        if message is None:
            before(kind, error, trace)
        else:
            sys.stderr.write(f"error: {message}\n")

    sys.excepthook = hook
