"""Were the alerts right? By those who were called, and by what came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine

from customer_health.ledger import episode_events, episodes, score_history
from customer_health.ledger.episodes import Episode
from customer_health.playbooks.save_rate import MIN_EPISODES
from customer_health.warehouse.merges import outcomes

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class AlertPrecision:
    """How many Red episodes deserved the name.

    Attributes:
        horizon_days: Within how many days a loss counts.
        episodes: Episodes whose fall we saw and whose horizon has passed.
        lost: Those whose account left within it. Who was saved counts as not lost, so that the share is a
            lower bound: good work lowers it.
        maturing: Episodes whose horizon has not passed.
        judged: Episodes that a person judged.
        false_alarms: Those that they called a false alarm.
    """

    horizon_days: int
    episodes: int
    lost: int
    maturing: int
    judged: int
    false_alarms: int

    @property
    def share_lost(self) -> float | None:
        """Share of the episodes that ended in a loss; None for fewer than ten."""
        return self.lost / self.episodes if self.episodes >= MIN_EPISODES else None

    @property
    def share_right(self) -> float | None:
        """Share of the judged episodes that were not false alarms; None for fewer than ten."""
        return 1 - self.false_alarms / self.judged if self.judged >= MIN_EPISODES else None


@dataclass(frozen=True)
class Graded:
    """One episode whose fall we saw.

    Attributes:
        reason: Code of the reason that weighed most on the day on which it opened; empty if none did.
        mature: Whether its horizon has passed.
        lost: Whether its account left within it.
        outcome: What a person judged it to be, if one did.
    """

    reason: str
    mature: bool
    lost: bool
    outcome: str | None


def graded(con: duckdb.DuckDBPyConnection, engine: Engine, as_of: date, *, horizon_days: int) -> list[Graded]:
    """Grade every episode as known on `as_of`; those that were Red before we watched alerted nobody."""
    cut, horizon = datetime.combine(as_of, time()), timedelta(days=horizon_days)
    losses = con.execute(
        f"SELECT account_id, occurred_at::DATE FROM ({outcomes('$cut')}) WHERE kind = 'logo_churn'",
        {"cut": cut},
    ).fetchall()
    ends: dict[str, list[date]] = {}
    for account, day in losses:
        ends.setdefault(str(account), []).append(day)
    seen = [e for e in episodes.all_of(engine) if not e.inherited and e.opened_as_of <= as_of]
    with engine.connect() as connection:
        status = episode_events.statuses_of(connection, [episode.episode_id for episode in seen])
        reasons = _reasons(connection, seen)
    return [
        Graded(
            reason=reasons.get(e.episode_id, ""),
            mature=e.opened_as_of + horizon <= as_of,
            lost=any(e.opened_as_of <= day < e.opened_as_of + horizon for day in ends.get(e.account_id, ())),
            outcome=status[e.episode_id].outcome,
        )
        for e in seen
    ]


def alert_precision(rows: Sequence[Graded], *, horizon_days: int) -> AlertPrecision:
    """Sum up graded episodes."""
    mature = [one for one in rows if one.mature]
    judged = [one.outcome for one in rows if one.outcome]
    return AlertPrecision(
        horizon_days=horizon_days,
        episodes=len(mature),
        lost=sum(one.lost for one in mature),
        maturing=len(rows) - len(mature),
        judged=len(judged),
        false_alarms=sum(outcome == "false_alarm" for outcome in judged),
    )


def precision_by_reason(rows: Sequence[Graded], *, horizon_days: int) -> dict[str, AlertPrecision]:
    """Return the precision by the reason that weighed most when the episode opened, most episodes first."""
    groups: dict[str, list[Graded]] = {}
    for one in rows:
        groups.setdefault(one.reason or "no reason", []).append(one)
    ordered = sorted(groups.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return {reason: alert_precision(members, horizon_days=horizon_days) for reason, members in ordered}


def _reasons(connection: Connection, seen: Sequence[Episode]) -> dict[str, str]:
    by_day: dict[date, list[Episode]] = {}
    for episode in seen:
        by_day.setdefault(episode.opened_as_of, []).append(episode)
    found = {}
    for day, members in by_day.items():
        rows = score_history.some_rows_of(connection, day, [episode.account_id for episode in members])
        for episode in members:
            row = rows.get(episode.account_id)
            reasons = (row["reasons"] if row is not None else None) or []
            weighing = [one for one in reasons if (one.get("points") or 0) < 0]
            if weighing:
                found[episode.episode_id] = str(weighing[0]["code"])
    return found
