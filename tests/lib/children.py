"""A copy of this process that does some work and may die of it; nobody waits for it longer than a limit."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

WITHIN = 90  # seconds; a copy that has not ended by then hangs


def begin(work: Callable[[], object]) -> int:
    """Fork, so that nothing is imported again; the copy ends with `work`, whatever comes of it.

    Returns:
        Its process id.
    """
    child = os.fork()
    if child:
        return child
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # pytest's own would report to a test that is not here
        signal.alarm(WITHIN)
        work()
    finally:
        os._exit(0)


def end(child: int) -> int:
    """Wait for a copy that `begin` made.

    Returns:
        Its exit code, or minus the signal that ended it.

    Raises:
        AssertionError: It did not end in time; it is killed.
    """
    deadline = time.monotonic() + WITHIN
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            assert code != -signal.SIGALRM, f"the copy of the process did not end within {WITHIN} seconds"
            return code
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    raise AssertionError(f"the copy of the process did not end within {WITHIN} seconds")


def run(work: Callable[[], object]) -> int:
    """`begin`, then `end`."""
    return end(begin(work))
