"""Progress of long work as log lines: numbered steps, then a line every few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


class LogProgress:
    """A `customer_health.progress.Progress` that writes to a task's log.

    What stands before a message's first colon names the step; a new step gets the next number. Within
    a step there is one line every `every` seconds, with the share done and an estimate of what is left.
    """

    def __init__(self, log: Any, *, every: float = 5.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._every = every
        self._clock = clock
        self._step = 0
        self._message = ""
        self._began = self._last = clock()

    def __call__(self, done: int, total: int, message: str) -> None:
        now = self._clock()
        step = message.partition(":")[0]
        if step != self._message:
            self._step += 1
            self._message, self._began, self._last = step, now, now
            self._log.info("%d. %s", self._step, message)
        elif now - self._last >= self._every:
            self._last = now
            if not (total and done):
                self._log.info("   %s", message)
                return
            left = (now - self._began) / done * (total - done)
            self._log.info(
                "   %s: %d of %d (%.0f %%), about %.0f s left", message, done, total, 100 * done / total, left
            )
