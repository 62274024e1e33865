"""What every command-line tool does with an error: one sentence, no traceback, a telling exit code."""

import logging
import os
import re
import signal
import sys
from collections.abc import Callable

from mmpt.errors import MMPTError
from mmpt.utils.logging import get_logger

__all__ = ["message_for_user", "run_command"]

INTERRUPTED = 130
"""Exit code of a command that was stopped with Ctrl-C (128 + SIGINT)."""

PIPE_CLOSED = 141
"""Exit code of a command whose reader has gone (128 + SIGPIPE), as of other programs."""

_OURS = re.compile(r"^mmpt\.errors\.\w+: ", re.MULTILINE)
_TRACEBACK = "Traceback (most recent call last)"

logger = get_logger(__name__)


def message_for_user(error: BaseException) -> str | None:
    """Return the sentence that tells a user of an error, or None for a bug, which needs its traceback.

    A loader worker or a training process sends its error as text that ends in a traceback; of one
    that mmpt raised there, its sentence is returned.
    """
    text = str(error)
    if _TRACEBACK in text:
        *before, last = _OURS.split(text)
        return last.strip() if before and _TRACEBACK not in last else None
    if isinstance(error, MMPTError):
        return text
    # Places that cannot be entered, read or written are the user's, wherever they are met.
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}. Check the path and the permissions."
    return None


def run_command(main: Callable[[], int]) -> None:
    """Run a command's ``main`` and leave the process with its exit code.

    An error that mmpt raises on purpose, or the system about a file, is one sentence on standard
    error and gives exit code 1; any other exception is a bug and keeps its traceback. With -v the former
    show theirs too.
    """
    # A polite kill cleans up like Ctrl-C: temporary files are removed on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        code = main()
        sys.stdout.flush()  # here, so that a reader that has gone is noticed here
        sys.exit(code)
    except BrokenPipeError:  # such as `| head`, which has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(PIPE_CLOSED)
    except Exception as error:
        message = message_for_user(error)
        if message is None:
            raise
        logger.debug("Where the error arose:", exc_info=error)
        sys.stderr.write(f"error: {message}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.stderr.write("stopped; run the same command again to continue.\n")
        sys.exit(INTERRUPTED)
