"""What every command-line tool does with an error: one sentence, no traceback, a telling exit code."""

import logging
import signal
import sys
from collections.abc import Callable

from mmpt.errors import MMPTError

__all__ = ["run_command"]

INTERRUPTED = 130
"""Exit code of a command that was stopped with Ctrl-C (128 + SIGINT)."""


def run_command(main: Callable[[], int]) -> None:
    """Run a command's ``main`` and leave the process with its exit code.

    An error that mmpt raises on purpose is printed to standard error and gives exit code 1;
    any other exception is a bug and keeps its traceback.
    """
    # A polite kill cleans up like Ctrl-C: temporary files are removed on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        sys.exit(main())
    except MMPTError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.stderr.write("stopped; run the same command again to continue.\n")
        sys.exit(INTERRUPTED)
