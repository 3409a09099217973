"""Ask Airflow for one day, watch the whole chain do it, and say how far it is."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from customer_health_airflow.local.rest import Airflow

CHAIN = ("ingest_sources", "build_signals", "score_accounts", "run_playbooks", "deliver_effects")
DAGS = (*CHAIN, "train_model", "report_kpis")
TICKING = (
    "approve_actions",
    "tick_outbox",
)  # run by the clock; a demo, which pretends a day, leaves them out
OPEN = {None, "none", "scheduled", "queued", "running", "restarting", "up_for_retry", "deferred"}
BAD = {"failed", "upstream_failed"}
BUSY = {"queued", "running", "up_for_retry"}
SUSPICIOUS_AFTER = 20.0  # seconds without a task that runs or waits for its turn: look for a broken file
STALLED_AFTER = 240.0  # ... and give up
POLL = 1.0


class ChainFailedError(RuntimeError):
    """A task failed, or nothing moves any more; the message is for a person."""


class Watch:
    """Follows the runs of one partition key and prints what happens.

    Args:
        airflow: The running Airflow.
        logs: Its log folder.
        say: Prints one line of progress.
        alive: Raises when a part of Airflow has died.
    """

    def __init__(
        self, airflow: Airflow, logs: Path, say: Callable[[str], None], alive: Callable[[], None]
    ) -> None:
        self._airflow = airflow
        self._logs = logs
        self._say = say
        self._alive = alive
        self._seen: dict[str, str | None] = {}
        self._spoke = time.monotonic()

    def run(self, head: str, day: date, *, until: str, stamp: str) -> None:
        """Trigger `head` for `day` and return when `until`, and every run beside it, has succeeded.

        Raises:
            ChainFailedError: Something failed; says what, where and the end of its log.
        """
        since = (datetime.now(UTC) - timedelta(seconds=2)).isoformat()
        key = day.isoformat()
        self._airflow.trigger(head, key, run_id=f"demo__{key}__{stamp}", note="Started by make demo")
        moved = time.monotonic()
        while True:
            self._alive()
            runs = [run for run in self._airflow.runs(since=since) if run["partition_key"] == key]
            tasks = self._airflow.tasks([run["dag_run_id"] for run in runs]) if runs else []
            if self._report(tasks) or any(task["state"] in BUSY for task in tasks):
                moved = time.monotonic()
            failed = [task for task in tasks if task["state"] == "failed"]
            if failed or any(run["state"] == "failed" for run in runs):
                raise ChainFailedError(self._obituary(failed[0]) if failed else self._states(runs, tasks))
            states = {run["dag_id"]: run["state"] for run in runs}
            if states.get(until) == "success" and set(states.values()) == {"success"}:
                return
            still = time.monotonic() - moved
            if still > SUSPICIOUS_AFTER and (errors := self._airflow.import_errors()):
                raise ChainFailedError("A DAG file cannot be read any more:\n" + "\n".join(errors))
            if still > STALLED_AFTER:
                raise ChainFailedError(
                    f"Nothing has moved for {STALLED_AFTER:.0f} s.\n{self._states(runs, tasks)}"
                )
            time.sleep(POLL)

    def _report(self, tasks: list[dict[str, Any]]) -> bool:
        """Say what changed since the last look; return whether anything did."""
        changed = False
        for task in sorted(tasks, key=lambda task: (task["end_date"] or "9", task["start_date"] or "9")):
            key, state = task["id"], task["state"]
            if self._seen.get(key) == state:
                continue
            self._seen[key], changed = state, True
            if state == "success":
                self._speak(f"  ✓ {_name(task)}  {task['duration'] or 0:.1f} s")
            elif state == "skipped":
                self._speak(f"  – {_name(task)}  not due")
            elif state == "up_for_retry":
                self._speak(
                    f"  ↻ {_name(task)}  failed, will be tried again: {_last_event(self._log_of(task))}"
                )
        if not changed and time.monotonic() - self._spoke > 10:
            for task in (task for task in tasks if task["state"] == "running"):
                self._speak(f"    {_name(task)}  {_last_event(self._log_of(task))}")
        return changed

    def _speak(self, line: str) -> None:
        self._spoke = time.monotonic()
        self._say(line)

    def _log_of(self, task: dict[str, Any]) -> Path:
        folder = (
            self._logs
            / f"dag_id={task['dag_id']}"
            / f"run_id={task['dag_run_id']}"
            / f"task_id={task['task_id']}"
        )
        if task["map_index"] >= 0:
            folder /= f"map_index={task['map_index']}"
        return folder / f"attempt={max(task['try_number'], 1)}.log"

    def _obituary(self, task: dict[str, Any]) -> str:
        log = self._log_of(task)
        told = [event for event in _events(log) if event[0] in {"error", "critical"}] or _events(log)[-15:]
        lines = "\n".join(f"  | {text}" for _, text in told[-20:])
        return f"{_name(task)} failed.\n{lines}\n  -> the whole log: {log}"

    @staticmethod
    def _states(runs: list[dict[str, Any]], tasks: list[dict[str, Any]]) -> str:
        lines = [f"  {run['dag_id']}: {run['state']}" for run in runs]
        lines += [f"  {_name(task)}: {task['state']}" for task in tasks if task["state"] in OPEN | BAD]
        return "\n".join(lines) or "  no run has started"


def _name(task: dict[str, Any]) -> str:
    index = task.get("rendered_map_index") or (str(task["map_index"]) if task["map_index"] >= 0 else "")
    return f"{task['dag_id']}.{task['task_id']}" + (f" [{index}]" if index else "")


def _events(log: Path) -> list[tuple[str, str]]:
    """Return (level, text) of a task's log, which has one JSON object per line."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        text = str(entry.get("event", ""))
        for trace in entry.get("error_detail") or []:
            text += f" {trace.get('exc_type')}: {trace.get('exc_value')}"
        found.append((str(entry.get("level", "")), text))
    return found


def _last_event(log: Path) -> str:
    events = [text.strip() for _, text in _events(log) if not text.startswith("::group::")]
    return events[-1] if events else "is starting"
