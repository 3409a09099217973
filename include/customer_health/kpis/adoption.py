"""Is it used? Alerts that somebody took up, tasks done in time, and how accounts moved between tiers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Engine

from customer_health.ledger import (
    crm_tasks,
    episode_events,
    episodes,
    holdout_assignments,
    score_history,
    scores,
)
from customer_health.playbooks.save_rate import MIN_EPISODES

SPAN = timedelta(days=91)
ACKNOWLEDGE_WITHIN = timedelta(hours=48)


@dataclass(frozen=True)
class Adoption:
    """What people did with what they were told, over the thirteen weeks before a day.

    Attributes:
        alerts: Episodes that opened with an alert, at least 48 hours ago.
        acknowledged: Those that somebody took up within 48 hours: said so, or began the first task.
        tasks_due: Tasks that were delivered and whose due time has passed.
        tasks_in_time: Those that were completed by then.
        tasks_late: Those that were completed later.
    """

    alerts: int
    acknowledged: int
    tasks_due: int
    tasks_in_time: int
    tasks_late: int

    @property
    def share_acknowledged(self) -> float | None:
        """Share of the alerts; None for fewer than ten."""
        return self.acknowledged / self.alerts if self.alerts >= MIN_EPISODES else None

    @property
    def share_in_time(self) -> float | None:
        """Share of the tasks; None for fewer than ten."""
        return self.tasks_in_time / self.tasks_due if self.tasks_due >= MIN_EPISODES else None


def adoption(engine: Engine, as_of: date) -> Adoption:
    """Return the adoption of the thirteen weeks before `as_of`, as known before it."""
    cut = datetime.combine(as_of, time(), UTC)
    since = as_of - SPAN
    with engine.connect() as connection:
        held_out = holdout_assignments.held_out_episodes(connection)
        told = [
            episode
            for episode in episodes.every(connection)
            if since <= episode.opened_as_of < as_of
            and not episode.inherited
            and not episode.suppressed_reason
            and episode.episode_id not in held_out
            and episode.opened_at + ACKNOWLEDGE_WITHIN <= cut
        ]
        status = episode_events.statuses_of(connection, [episode.episode_id for episode in told])
        taken_up = 0
        for episode in told:
            one = status[episode.episode_id]
            moments = [moment for moment in (one.acknowledged_at, one.begun_at) if moment is not None]
            taken_up += bool(moments) and min(moments) <= episode.opened_at + ACKNOWLEDGE_WITHIN
        due = crm_tasks.due_between(connection, since, cut)
    in_time = sum(done is not None and done <= by for by, done in due)
    late = sum(done is not None and done > by for by, done in due)
    return Adoption(len(told), taken_up, len(due), in_time, late)


def tier_migration(engine: Engine, as_of: date) -> dict[str, Any] | None:
    """Return how accounts moved between tiers within thirteen weeks; None without two days to compare.

    Returns:
        `since` and `until`; `rows`, each `before`, `after`, `accounts` and `arr`. An account that is new or
        has gone has None on that side. ARR as it was before, for new accounts as it is after.
    """
    with engine.connect() as connection:
        until = score_history.day_between(connection, until=as_of)
        since = score_history.day_between(connection, until=as_of - SPAN)
        fair_from = scores.comparable_from(connection)
        if until is None or fair_from is None:
            return None
        if since is None or since < fair_from:
            since = fair_from  # a score of before meant something else: no tier is compared across that
        if since >= until:
            return None
        before = score_history.shown_on(connection, since)
        after = score_history.shown_on(connection, until)
    moves: Counter[tuple[str | None, str | None]] = Counter()
    money: Counter[tuple[str | None, str | None]] = Counter()
    for account in before.keys() | after.keys():
        was, now = before.get(account), after.get(account)
        pair = (was[1] if was else None, now[1] if now else None)
        moves[pair] += 1
        money[pair] += int((was or now or (0, "", 0.0))[2])
    rows = [
        {"before": was, "after": now, "accounts": moves[was, now], "arr": float(money[was, now])}
        for was, now in moves
    ]
    rows.sort(key=lambda row: (str(row["before"]), str(row["after"])))
    return {"since": since.isoformat(), "until": until.isoformat(), "rows": rows}
