"""A step in a process of its own that dies at a crash point, as by kill -9."""

from __future__ import annotations

import multiprocessing
import os
import signal
from datetime import date, datetime

from customer_health.settings import Settings


def die_in(step: str, crash_point: str, settings: Settings, as_of: date, now: datetime) -> bool:
    """Run a step and kill it at a crash point; return whether it died there."""
    # spawn: a fork would take along threads that hold locks.
    child = multiprocessing.get_context("spawn").Process(
        target=_run, args=(step, crash_point, settings, as_of, now)
    )
    child.start()
    child.join(300)
    if child.is_alive():
        child.kill()
        raise TimeoutError(f"{step} neither ended nor died within five minutes")
    return child.exitcode == -signal.SIGKILL


def _run(step: str, wanted: str, settings: Settings, as_of: date, now: datetime) -> None:
    from customer_health import pipeline
    from customer_health.ledger import crash_points

    def die(name: str) -> None:
        if name == wanted:
            os.kill(os.getpid(), signal.SIGKILL)

    crash_points.arm(die)
    getattr(pipeline, step)(settings, as_of=as_of, now=now)
