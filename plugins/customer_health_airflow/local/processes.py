"""Start Airflow's parts and leave none of them behind."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Container, Iterable, Mapping
from pathlib import Path

import psutil

from customer_health_airflow.local.environment import MARK

PARTS = ("api-server", "scheduler", "dag-processor", "triggerer")
GRACE = 4.0  # seconds between "please stop" and SIGKILL
_PR_SET_CHILD_SUBREAPER = 36


class PartDiedError(RuntimeError):
    """A part of Airflow ended on its own."""


def run_once(arguments: Iterable[str], environment: Mapping[str, str], log: Path) -> None:
    """Run one Airflow command to its end.

    Raises:
        PartDiedError: It failed; the message carries the end of its output.
    """
    with log.open("w", encoding="utf-8") as out:
        done = subprocess.run(
            [sys.executable, "-m", "airflow", *arguments],
            env=dict(environment),
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    if done.returncode:
        raise PartDiedError(
            f"`airflow {' '.join(arguments)}` failed:\n{tail(log)}\n  -> the whole output: {log}"
        )


def start(part: str, environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Start one part in a session of its own, so that Ctrl-C reaches us first and we stop it in order."""
    with log.open("w", encoding="utf-8") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "airflow", part],
            env=dict(environment),
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )


def of_stack(stack_id: str, sessions: Container[int] = ()) -> list[psutil.Process]:
    """Return every living process that carries our mark, whatever its parent is by now.

    Args:
        stack_id: The mark.
        sessions: Sessions of the parts; a process in one of them is ours even without a mark.
    """
    found = []
    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            if os.getsid(process.pid) in sessions or process.environ().get(MARK) == stack_id:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def stop(stack_id: str, sessions: Container[int] = (), *, grace: float = GRACE) -> int:
    """End every process of the stack: SIGTERM to all, a while to tidy up, then SIGKILL.

    The parts' children carry the same mark: a part that dies before its children leaves no orphan.

    Returns:
        How many processes there were.
    """
    first = of_stack(stack_id, sessions)
    _signal(first, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while of_stack(stack_id, sessions) and time.monotonic() < deadline:
        _reap()
        time.sleep(0.1)
    for _ in range(50):
        left = of_stack(stack_id, sessions)
        if not left:
            break
        _signal(left, signal.SIGKILL)
        _reap()
        time.sleep(0.1)
    _reap()
    return len(first)


def _signal(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.Error:
            continue


def adopt_orphans() -> None:
    """Become the parent of whatever our children leave behind, so that no zombie outlives us.

    Linux only; elsewhere the system's first process does it.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def tail(log: Path, lines: int = 25) -> str:
    """Return the end of a log file, indented."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "  (no output)"
    return "\n".join(f"  | {line}" for line in text.splitlines()[-lines:]) or "  (no output)"
