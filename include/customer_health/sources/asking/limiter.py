"""Keep several limits of one vendor at once: so many calls a second, a minute and an hour."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from customer_health.sources.asking.vendor_access import Limits


class RateLimiter:
    """Lets calls through so that no span of the given lengths holds more than its number of them.

    A sliding window and no token bucket: vendors that count per minute refuse the burst that a bucket allows
    after its pause. One task asks one vendor, so one process keeps the count.

    Args:
        limits: What the vendor allows.
        clock: Monotonic seconds.
        sleep: How to wait.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        spans = ((1.0, limits.per_second), (60.0, limits.per_minute), (3600.0, limits.per_hour))
        self._windows = [
            (span if number >= 1 else span / number, max(int(number), 1), deque[float]())
            for span, number in spans
            if number is not None
        ]
        self._clock, self._sleep = clock, sleep
        self.waited = 0.0

    def wait(self) -> None:
        """Wait until one more call is allowed, and count it."""
        pause = 0.0
        for span, number, calls in self._windows:
            if len(calls) >= number:
                pause = max(pause, calls[-number] + span - self._clock())
        if pause > 0:
            self.waited += pause
            self._sleep(pause)
        now = self._clock()
        for _, number, calls in self._windows:
            calls.append(now)
            while len(calls) > number:
                calls.popleft()
