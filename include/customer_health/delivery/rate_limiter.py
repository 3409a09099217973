"""A token bucket: at most so many calls a second on average, and so many at once after a pause."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from customer_health.delivery.call_guard import check


class RateLimiter:
    """Let calls through at a steady rate.

    One per destination and process: Airflow runs one task per destination. Two overlapping tasks could reach
    twice the rate; what the remote then asks of one of them, all keep: ledger/delivery_log.limited_until.

    Args:
        per_second: Calls a second on average.
        burst: Calls that may go at once after a pause.
        clock: Monotonic seconds.
        sleep: How to wait.
    """

    def __init__(
        self,
        per_second: float,
        burst: int = 1,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.per_second = per_second
        self.burst = burst
        self._clock, self._sleep = clock, sleep
        self._tokens, self._at = float(burst), clock()
        self._lock = threading.Lock()

    def wait(self) -> float:
        """Take a token, waiting for it if there is none; return the seconds waited.

        Raises:
            TooLateError: The wait outlasted the lease under which the call would have been made.
        """
        with self._lock:
            now = self._clock()
            self._tokens = min(self.burst, self._tokens + (now - self._at) * self.per_second)
            self._at = now
            self._tokens -= 1.0
            wait = max(0.0, -self._tokens / self.per_second)
        if wait:
            self._sleep(wait)
        check()
        return wait
