"""Waiting for what another thread, process or page does."""

import time

PATIENCE = 120_000
"""Milliseconds that a browser may take for a step, on the busiest of machines."""


def wait_until(condition, seconds=600):
    """Return when ``condition()`` holds; the time only bounds a test that hangs."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"it has not happened in {seconds} s"
        time.sleep(0.01)
