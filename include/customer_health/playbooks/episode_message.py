"""What an episode's one message says now, and what belongs into its thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import RowMapping

from customer_health.effects.effect import Effect, effect_key
from customer_health.ledger.episode_events import EpisodeStatus
from customer_health.ledger.episodes import Episode
from customer_health.playbooks.account_view import LEVELS

PLAYBOOK = "thread"


@dataclass(frozen=True)
class Reading:
    """The latest score of the episode's account that anybody acted on."""

    as_of: date
    score: int | None
    tier: str
    level: int


@dataclass(frozen=True)
class Status:
    """How the episode stands, as its message says it.

    Attributes:
        state: Name of the state; a new name makes a new edit.
        sign: Emoji; the text says the same.
        text: One line.
        final: The end of the episode; it belongs into the thread too.
    """

    state: str
    sign: str
    text: str
    final: bool = False


def status_of(
    episode: Episode,
    standing: EpisodeStatus,
    reading: Reading | None,
    level: int,
    safe: int,
    now: datetime,
) -> Status:
    """Return the episode's status. What people did outranks what the score did, except for its end.

    Args:
        episode: The episode.
        standing: What people and clocks did.
        reading: The latest score; None while the account is missing from the scores.
        level: The worst level told so far; stands in for a missing score.
        safe: Scores above this are on the way out of Red.
        now: The present.
    """
    judged = (
        f"judged {standing.outcome.replace('_', ' ')} by {standing.outcome_by}" if standing.outcome else ""
    )
    score = None if reading is None else reading.score
    if episode.outcome == "recovered":
        days = ((episode.recovered_as_of or episode.opened_as_of) - episode.opened_as_of).days
        said = [f"Recovered in {days} d", f"score {score}" if score is not None else "", judged]
        if episode.recovery_cause == "model":
            said.insert(1, "a new model sees it so")
        return Status("recovered", "✅", "; ".join(filter(None, said)), final=True)
    if episode.outcome == "left":
        return Status("left", "✖", "; ".join(filter(None, ("No customer any more", judged))), final=True)
    if judged:
        return Status(f"judged_{standing.outcome}", "☑", f"{judged.capitalize()}: {standing.outcome_reason}")
    if standing.snoozed_until and now < standing.snoozed_until:
        until = f"{standing.snoozed_until:%-d %b}"
        text = f"Snoozed until {until} by {standing.snoozed_by}: {standing.snooze_reason}"
        return Status(f"snoozed_{standing.snoozed_until:%Y%m%d}", "💤", text)
    if score is not None and score > safe:
        return Status("recovering", "🟡", f"Recovering: score {score}")
    if standing.begun_at:
        return Status("begun", "🛠", f"First step begun {standing.begun_at:%-d %b %H:%M} UTC")
    if standing.escalated_at:
        return Status("escalated", "⏰", "Escalated: no first step in time")
    if standing.acknowledged_at:
        who = standing.acknowledged_by or "Somebody"
        return Status(
            "acknowledged", "👀", f"{who} is on it since {standing.acknowledged_at:%-d %b %H:%M} UTC"
        )
    level = reading.level if reading else level
    return Status(f"open_{level}", "🔴" if level > 1 else "🟠", f"Open, {LEVELS[level]}")


def told(parent: RowMapping, children: Sequence[RowMapping]) -> tuple[str, int]:
    """Return the state that the message was last made to say, and the worst level it or its thread told."""
    said = parent["payload"].get("level")
    level = LEVELS.index(said) if said in LEVELS else 0
    state = f"open_{level}"
    for row in children:
        if row["verb"] == "update_message":
            state = row["payload"]["status"]["state"]
        elif row["step"].startswith("reply_worse_"):
            level = max(level, int(row["step"].removeprefix("reply_worse_")))
    return state, level


def update(parent: RowMapping, number: int, status: Status, as_of: date) -> Effect:
    """Return the edit that makes the message say `status`; `number` counts its edits."""
    payload = {
        **{name: value for name, value in parent["payload"].items() if name not in _PARENT_ONLY},
        "parent_key": parent["key"],
        "status": {"state": status.state, "sign": status.sign, "text": status.text},
    }
    return _effect(parent, f"state_{number:02d}", "update_message", payload, as_of)


def reply(
    parent: RowMapping,
    ref: str,
    sign: str,
    text: str,
    as_of: date,
    *,
    leaves: datetime | None = None,
    broadcast: bool = False,
) -> Effect:
    """Return a reply in the message's thread; `broadcast` shows it in the channel too."""
    payload = {
        "kind": "reply",
        "channel": parent["payload"]["channel"],
        "parent_key": parent["key"],
        "sign": sign,
        "text": text,
        "broadcast": broadcast,
        "not_before": leaves and leaves.isoformat(),
    }
    return _effect(parent, f"reply_{ref}", "reply", payload, as_of)


def evidence(alert: Effect, audit: Mapping[str, Any]) -> list[Effect]:
    """Return the usage audit for an alert's thread: its table as a reply, its picture as a file.

    Two promises, because one may fail where the other works: files need a permission of their own.
    """
    parent = {**vars(alert), "payload": alert.payload}
    common = {
        "channel": alert.payload["channel"],
        "parent_key": alert.key,
        "account": alert.payload["account"],
        "usage_audit": audit,
    }
    table = {**common, "kind": "usage_audit", "sign": "📊", "text": "Usage audit"}
    effects = [_effect(parent, "reply_usage_audit", "reply", table, alert.as_of)]
    if audit["weeks"]:
        file = {**common, "kind": "file", "picture": "usage_audit", "title": "Seats and use, week by week"}
        effects.append(_effect(parent, "file_usage_audit", "attach_file", file, alert.as_of))
    return effects


# Of the message's own departure, not of its edits.
_PARENT_ONLY = frozenset({"not_before", "approval", "expires_at", "approval_asks", "parent_remote_id"})


def _effect(
    parent: Mapping[Any, Any], step: str, verb: str, payload: Mapping[str, Any], as_of: date
) -> Effect:
    episode_id = str(parent["episode_id"])
    return Effect(
        key=effect_key(parent["account_id"], PLAYBOOK, episode_id, step, parent["destination"]),
        destination=parent["destination"],
        verb=verb,
        account_id=parent["account_id"],
        as_of=as_of,
        playbook=PLAYBOOK,
        step=step,
        episode_id=episode_id,
        payload=payload,
    )
