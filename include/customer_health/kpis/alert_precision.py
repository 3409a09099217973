"""Were the alerts right? By those who were called, and by what came."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from customer_health.ledger import episode_events, episodes
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


def alert_precision(
    con: duckdb.DuckDBPyConnection, engine: Engine, as_of: date, *, horizon_days: int
) -> AlertPrecision:
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
    mature = [episode for episode in seen if episode.opened_as_of + horizon <= as_of]
    lost = sum(
        any(e.opened_as_of <= day < e.opened_as_of + horizon for day in ends.get(e.account_id, ()))
        for e in mature
    )
    with engine.connect() as connection:
        status = episode_events.statuses_of(connection, [episode.episode_id for episode in seen])
    judged = [found.outcome for found in status.values() if found.outcome]
    wrong = sum(outcome == "false_alarm" for outcome in judged)
    return AlertPrecision(horizon_days, len(mature), lost, len(seen) - len(mature), len(judged), wrong)
