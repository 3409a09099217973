"""Did Red accounts come back, and how soon did somebody act? Both per episode, nothing dropped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from customer_health.ledger import episodes, holdout_assignments, outbox_queries, score_history
from customer_health.ledger.crm_tasks import read_tasks, recognise
from customer_health.playbooks.save_rate import MIN_EPISODES, SAVE_GOAL, SAVED_WITHIN, SaveRate, rate_of

if TYPE_CHECKING:
    import duckdb

ACT_WITHIN = timedelta(hours=48)


@dataclass(frozen=True)
class TimeToIntervention:
    """Hours from the publication of the first Red score to the first step of the play.

    Attributes:
        hours: One per episode somebody acted on.
        waiting: Hours so far, one per episode nobody acted on: censored, not dropped.
    """

    hours: tuple[float, ...]
    waiting: tuple[float, ...]

    @property
    def episodes(self) -> int:
        """Episodes that count."""
        return len(self.hours) + len(self.waiting)

    @property
    def within_goal(self) -> float | None:
        """Share acted on within 48 hours, of episodes at least that old; None for fewer than ten."""
        goal = ACT_WITHIN.total_seconds() / 3600
        in_time = sum(hours <= goal for hours in self.hours)
        late = sum(hours > goal for hours in self.hours) + sum(hours > goal for hours in self.waiting)
        return in_time / (in_time + late) if in_time + late >= MIN_EPISODES else None

    def quantile(self, share: float) -> float | None:
        """Hours until `share` of the episodes were acted on (Kaplan-Meier); None if they never were.

        Also None for fewer than ten episodes.
        """
        if self.episodes < MIN_EPISODES:
            return None
        events = sorted([(hours, 0) for hours in self.hours] + [(hours, 1) for hours in self.waiting])
        untouched, at_risk = 1.0, len(events)
        for hours, censored in events:
            if not censored:
                untouched *= 1 - 1 / at_risk
                if 1 - untouched >= share - 1e-12:
                    return hours
            at_risk -= 1
        return None


def save_rate(engine: Engine, as_of: date, *, zombies: bool = True, inherited: bool = True) -> SaveRate:
    """Return the save rate of the episodes known on `as_of`.

    Args:
        engine: The ledger.
        as_of: The day of the report.
        zombies: Count episodes whose human plays were suppressed.
        inherited: Count episodes that were Red before we watched: their 60 days start too late.
    """
    chosen = [
        episode
        for episode in episodes.all_of(engine)
        if episode.opened_as_of <= as_of
        and (zombies or not episode.suppressed_reason)
        and (inherited or not episode.inherited)
    ]
    with engine.connect() as connection:
        return rate_of(connection, chosen, as_of)


def time_to_intervention(con: duckdb.DuckDBPyConnection, engine: Engine, as_of: date) -> TimeToIntervention:
    """Return the time to intervention of every episode whose fall we saw and whose plays were started.

    The clock starts when the Red score was published and stops with the first task of the episode that
    somebody begins or completes, as the CRM told us (`raw.crm_tasks`; see `follow_up.recognise`).
    """
    cut = datetime.combine(as_of, time(), UTC)
    done = _first_steps(con, engine, cut)
    with engine.connect() as connection:
        published = score_history.publications(connection)
        held_out = holdout_assignments.held_out_episodes(connection)
    hours: list[float] = []
    waiting: list[float] = []
    for episode in episodes.all_of(engine):
        start = published.get(episode.opened_as_of, episode.opened_at)
        if episode.inherited or episode.suppressed_reason or episode.episode_id in held_out or start >= cut:
            continue
        if (stop := done.get(episode.episode_id)) is not None:
            hours.append((stop - start).total_seconds() / 3600)
            continue
        # A spell that ended untouched was watched until it ended, no longer.
        ended = episode.closed_as_of
        until = cut if ended is None else min(cut, datetime.combine(ended, time(), UTC))
        waiting.append(max((until - start).total_seconds() / 3600, 0.0))
    return TimeToIntervention(tuple(hours), tuple(waiting))


def _first_steps(con: duckdb.DuckDBPyConnection, engine: Engine, cut: datetime) -> dict[str, datetime]:
    began: dict[str, datetime] = {}
    for task in recognise(engine, read_tasks(con, cut.date())):
        moments = [moment for moment in (task.started_at, task.completed_at) if moment is not None]
        if moments:
            began[task.effect_key] = min(*moments, began.get(task.effect_key, moments[0]))
    with engine.connect() as connection:
        tasks = outbox_queries.episodes_by_task(connection)
    first: dict[str, datetime] = {}
    for key, episode_id in tasks.items():
        if key in began:
            first[episode_id] = min(first.get(episode_id, began[key]), began[key])
    return first


__all__ = [
    "MIN_EPISODES",
    "SAVED_WITHIN",
    "SAVE_GOAL",
    "SaveRate",
    "TimeToIntervention",
    "save_rate",
    "time_to_intervention",
]
