"""What the account page says beyond its score: events, tasks, since when it is Red, why it moved."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from customer_health.company import CompanyConfig
from customer_health.destinations import people_text
from customer_health.wording import points
from customer_health_airflow.ui.action_view import line

Row = Mapping[Any, Any]
Event = tuple[date, str, str]  # day, mark, what happened
MARKS: Mapping[str, str] = {
    "acknowledged": "A",
    "begun": "T",
    "snoozed": "Z",
    "escalated": "!",
    "reminded": "R",
    "outcome": "O",
}
WORDS: Mapping[str, str] = {
    "acknowledged": "Acknowledged",
    "begun": "First step begun",
    "snoozed": "Snoozed",
    "escalated": "Escalated",
    "reminded": "Reminder due",
    "outcome": "Outcome",
}
# Why a score moved (scoring/change_causes.py), in the words of a reader.
CAUSES: Mapping[str, str] = {
    "data": "the customer's data",
    "missing": "data that went missing or came back",
    "decision": "a renewal decision that passed",
    "late": "facts that were learned late",
    "model": "our model",
    "config": "our settings",
}


def events(episodes: Iterable[Row], happened: Iterable[Row], alerts: Iterable[Row]) -> list[Event]:
    """Return what is marked on the line, oldest first."""
    found: list[Event] = []
    for episode in episodes:
        found.append((episode["opened_as_of"], "▼", "Turned Red: episode opened"))
        if episode["closed_as_of"] is not None:
            ended = "left" if episode["outcome"] == "left" else "recovered"
            found.append((episode["closed_as_of"], "▲", f"Episode closed: {ended}"))
    for event in happened:
        if event["kind"] in MARKS:
            said = WORDS[event["kind"]]
            detail = event["detail"] or {}
            if event["kind"] == "outcome":
                said = f"Outcome: {str(detail.get('outcome', '')).replace('_', ' ')}"
            who = f" by {event['by']}" if event["by"] else ""
            found.append((event["at"].date(), MARKS[event["kind"]], f"{said}{who}"))
    found += [(alert["as_of"], "✉", "Alert") for alert in alerts]
    return sorted(set(found))


def red_since(line_of: Sequence[Row]) -> date | None:
    """Return the first day of the unbroken run of Red readings up to the newest; None if it is not Red."""
    since = None
    for reading in reversed(line_of):
        if reading["score_shown"] is None:
            continue
        if str(reading["band"]).lower() != "red":
            break
        since = reading["as_of"]
    return since


def tasks(rows: Iterable[Row], config: CompanyConfig, now: datetime) -> list[dict[str, Any]]:
    """Return the tasks with who has them, until when, and where they stand; open ones first, by due time."""
    found = []
    for row in rows:
        task = line({**row, "task": None, "name": None}, config)
        task["status"] = (row["status"] or "").replace("_", " ") or task["state_text"]
        task["done"] = row["status"] == "completed"
        task["overdue"] = not task["done"] and bool(task["due"]) and _moment(task["due"]) < now
        # On its account's page a task need not repeat whose it is: `[Critical] Acme – Save play`.
        task["asks"] = re.sub(r"^\[[^\]]{1,20}\] .* – | \(due [^)]*\)$", "", task["title"])
        task["who"] = row["task_owner"] or task["to"]
        found.append(task)
    return sorted(found, key=lambda task: (task["done"], str(task["due"] or "9999")))


def _moment(value: Any) -> datetime:
    found = datetime.fromisoformat(str(value))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def why_it_moved(change: Mapping[str, Any] | None) -> list[tuple[str, str, list[str]]]:
    """Return what changed the score: cause, points, and the concepts in it, largest first."""
    if not change:
        return []
    sums: dict[str, float] = {}
    parts: dict[str, list[tuple[float, str]]] = {}
    for cause in change.get("causes") or ():
        sums[cause["cause"]] = sums.get(cause["cause"], 0.0) + cause["points"]
        parts.setdefault(cause["cause"], []).append((cause["points"], str(cause.get("concept") or "")))
    if not sums:
        moved = change.get("moved") or ()
        return [(part["concept"], points(part["points"]), []) for part in moved]
    order = sorted(sums, key=lambda name: -abs(sums[name]))
    return [
        (
            CAUSES.get(name, name),
            points(sums[name]),
            [
                f"{concept} {points(size)}"
                for size, concept in sorted(parts[name], key=lambda part: -abs(part[0]))
                if concept and abs(size) >= 0.5
            ],
        )
        for name in order
        if abs(sums[name]) >= 0.05
    ]


def people(rows: Iterable[Row], until: date) -> Mapping[str, Any] | None:
    """Return the champion graph that the newest task of a day, or before, carries; None if no task does."""
    for row in rows:
        graph = (row["payload"] or {}).get("people")
        if isinstance(graph, Mapping) and graph.get("people") and str(graph["as_of"]) <= until.isoformat():
            return graph
    return None


def people_lines(graph: Mapping[str, Any] | None) -> Mapping[str, list[str]]:
    """Write a champion graph: `here`, `left`, `successors` and `ours`, one line each; empty without one."""
    if not graph:
        return {}
    listed = {
        "here": [people_text.one(one) for one in graph["people"] if one["state"] != "left"],
        "left": [people_text.gone(one) for one in graph["people"] if one["state"] == "left"],
        "successors": [people_text.one(one) for one in graph.get("successors", ())],
        "ours": [people_text.met(one) for one in graph.get("ours", ())],
    }
    return listed if any(listed.values()) else {}
