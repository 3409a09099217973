"""Follow an episode through: reminders, escalation, the one message that stays true, the end.

Runs inside every run of the playbooks, and on its own as often as somebody calls `follow_up`: what is due
depends on the clock and on the ledger only, and every promise has a key of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, RowMapping

from customer_health.company import CompanyConfig
from customer_health.effects.effect import Effect
from customer_health.ledger import (
    episode_events,
    episodes,
    outbox_queries,
    playbook_runs,
    score_history,
    slack_threads,
)
from customer_health.ledger.engine import serialise, writing
from customer_health.ledger.episode_events import EpisodeStatus
from customer_health.ledger.episodes import Episode
from customer_health.ledger.outbox import admin, transitions
from customer_health.ledger.outbox import queue as outbox
from customer_health.ledger.scores import as_shown
from customer_health.playbook_config import PlaybookConfig
from customer_health.playbooks import episode_message, working_time
from customer_health.playbooks.account_view import level_of
from customer_health.playbooks.episode_lifecycle import red_ceiling
from customer_health.playbooks.episode_message import Reading
from customer_health.playbooks.portfolio_alerts import overdue
from customer_health.playbooks.routing import not_before, zone_of

AFTERMATH = timedelta(days=14)  # an episode that ended longer ago has been told


@dataclass(frozen=True)
class FollowUp:
    """What one look at the open episodes led to."""

    numbers: Mapping[str, int] = field(default_factory=dict)

    def counts(self) -> dict[str, int | float | str]:
        """Numbers for machines."""
        return dict(self.numbers)

    def lines(self) -> list[str]:
        """Sentences for people; nothing to say is said too."""
        said = [f"{count} {name.replace('_', ' ')}" for name, count in self.numbers.items() if count]
        return [f"Follow-up: {', '.join(said)}." if said else "Follow-up: nothing was due."]


def follow_up(engine: Engine, config: CompanyConfig, *, now: datetime) -> FollowUp:
    """Promise what time and people have made due since the last look.

    Args:
        engine: The ledger.
        config: The company's numbers.
        now: The present, zone-aware.
    """
    with writing(engine) as connection:
        serialise(connection, "playbooks")
        return advance(connection, config, as_of=now.date(), now=now)


def advance(connection: Connection, config: CompanyConfig, *, as_of: date, now: datetime) -> FollowUp:
    """As `follow_up`, inside the caller's transaction; effects carry `as_of`."""
    numbers: Counter[str] = Counter(approvals_expired=admin.expire(connection, now=now))
    _let_go(connection, now)
    newest = playbook_runs.newest_live(connection)
    if newest is None:
        return FollowUp(numbers)
    watch = _Watch.of(connection, newest, now)
    effects: list[Effect] = []
    late: list[Episode] = []
    for episode in watch.episodes:
        effects += _clock(connection, episode, watch, config, as_of, now, numbers, late)
    watch = watch.refreshed(connection)  # the clock may have written events that the message must show
    for episode in watch.episodes:
        effects += _message(connection, episode, watch, config, as_of, now)
    if late:
        effects.append(_overdue(connection, late, watch, config, as_of, now))
    new = outbox.add(connection, effects, now=now)
    numbers["thread_messages"] += sum(effect.key in new for effect in effects)
    return FollowUp(numbers)


@dataclass(frozen=True)
class _Watch:
    """Everything that a look at the episodes reads."""

    episodes: Sequence[Episode]
    statuses: Mapping[str, EpisodeStatus]
    parents: Mapping[str, RowMapping]
    children: Mapping[str, Sequence[RowMapping]]
    readings: Mapping[str, RowMapping]
    published: Mapping[date, datetime]
    in_play: frozenset[str]  # episodes for which somebody was asked to do something

    @classmethod
    def of(cls, connection: Connection, newest: date, now: datetime) -> _Watch:
        found = episodes.open_or_closed_since(connection, now.date() - AFTERMATH)
        ids = [episode.episode_id for episode in found]
        parents = slack_threads.parents(connection, ids)
        return cls(
            episodes=found,
            statuses=episode_events.statuses_of(connection, ids),
            parents=parents,
            children=slack_threads.children(connection, [row["key"] for row in parents.values()]),
            readings=score_history.some_rows_of(
                connection, newest, [episode.account_id for episode in found]
            ),
            published=score_history.publications(connection, {episode.opened_as_of for episode in found}),
            in_play=outbox_queries.episodes_in_play(connection),
        )

    def refreshed(self, connection: Connection) -> _Watch:
        ids = [episode.episode_id for episode in self.episodes]
        return _Watch(**{**vars(self), "statuses": episode_events.statuses_of(connection, ids)})

    def reading(self, episode: Episode) -> Reading | None:
        row = self.readings.get(episode.account_id)
        if row is None:
            return None
        shown = as_shown(row)
        level = level_of(shown["tier"], shown["band"])
        return Reading(row["as_of"], row["score_shown"], shown["tier"] or "", level)


def waited_for(
    episode: Episode,
    published: Mapping[date, datetime],
    episode_status: EpisodeStatus,
    now: datetime,
    zone: ZoneInfo,
    rules: PlaybookConfig,
) -> timedelta:
    """Return for how much of the owner's working days nobody has acted since the Red score was published.

    Quiet hours do not stop the clock; a snooze does: the reminder comes with its end, the escalation half a
    day later.
    """
    hours = rules.meeting_hours
    began = published.get(episode.opened_as_of, episode.opened_at)
    since_red = working_time.passed(began, now, zone, hours)
    until = episode_status.snoozed_until
    if until is None:
        return since_red
    if now < until:
        return timedelta(0)
    return min(since_red, timedelta(hours=36) + working_time.passed(until, now, zone, hours))


def _clock(
    connection: Connection,
    episode: Episode,
    watch: _Watch,
    config: CompanyConfig,
    as_of: date,
    now: datetime,
    numbers: Counter[str],
    late: list[Episode],
) -> list[Effect]:
    episode_status = watch.statuses[episode.episode_id]
    idle = episode.closed_as_of is None and not episode_status.begun_at and not episode_status.outcome
    if not idle or episode.inherited or episode.suppressed_reason or episode.episode_id not in watch.in_play:
        return []
    rules = config.playbooks
    parent = watch.parents.get(episode.episode_id)
    row = watch.readings.get(episode.account_id)
    owner = _owner(episode, row, config)
    told_zone = rules.quiet.zones.get(owner) or (row["timezone"] if row else None)
    zone = zone_of(told_zone)
    waited = waited_for(episode, watch.published, episode_status, now, zone, rules)
    # What is due when its owner works is not late before: see routing.due_at.
    works = not told_zone or now.astimezone(zone).hour >= rules.meeting_hours.from_hour
    leaves = not_before(now, owner, row["timezone"] if row else None, config)

    def say(ref: str, sign: str, text: str, broadcast: bool) -> list[Effect]:
        if parent is None:
            return []
        return [episode_message.reply(parent, ref, sign, text, as_of, leaves=leaves, broadcast=broadcast)]

    over = waited >= timedelta(hours=rules.escalate_after_hours)
    if over and episode_status.escalated_at is None:
        if not works:
            return []
        episode_events.note(connection, episode.episode_id, "escalated", "first", now)
        numbers["escalated"] += 1
        if parent is None or parent["payload"].get("direct_to"):
            late.append(episode)  # in direct messages nobody but their reader sees it
        lead = (row and row["manager_email"]) or rules.fallback_owner
        text = f"{rules.escalate_after_hours} h without a first step. {owner}, {lead}: who takes it?"
        return say("escalated", "⏰", text, broadcast=True)
    resting = episode_status.acknowledged_at or episode_status.reminded_at or episode_status.escalated_at
    if waited >= timedelta(hours=rules.remind_after_hours) and not resting:
        episode_events.note(connection, episode.episode_id, "reminded", "first", now)
        numbers["reminded"] += 1
        left_over = rules.escalate_after_hours - rules.remind_after_hours
        text = (
            f"{owner}: no step has begun; in {left_over} h this goes to the lead. React 👀 if you are on it."
        )
        return say("reminded", "⏳", text, broadcast=False)
    return []


def _message(
    connection: Connection,
    episode: Episode,
    watch: _Watch,
    config: CompanyConfig,
    as_of: date,
    now: datetime,
) -> list[Effect]:
    parent = watch.parents.get(episode.episode_id)
    if parent is None:
        return []
    children = watch.children.get(parent["key"], ())
    state, level = episode_message.told(parent, children)
    reading = watch.reading(episode)
    safe = red_ceiling() + config.playbooks.recovery_margin
    status = episode_message.status_of(episode, watch.statuses[episode.episode_id], reading, level, safe, now)
    row = watch.readings.get(episode.account_id)
    owner = _owner(episode, row, config)
    leaves = not_before(now, owner, row["timezone"] if row else None, config)
    effects: list[Effect] = []
    if reading is not None and reading.level > level and episode.closed_as_of is None:
        text = f"Worse: now {reading.tier}, score {reading.score}."
        effects.append(
            episode_message.reply(
                parent, f"worse_{reading.level}", "🔴", text, as_of, leaves=leaves, broadcast=True
            )
        )
    if status.state != state:
        edits = [child for child in children if child["verb"] == "update_message"]
        _supersede(connection, edits, now)
        effects.append(episode_message.update(parent, len(edits) + 1, status, as_of))
        if status.final:
            ref = f"{status.state}_{len(edits) + 1:02d}"
            effects.append(
                episode_message.reply(parent, ref, status.sign, f"{status.text}.", as_of, leaves=leaves)
            )
    return effects


def _owner(episode: Episode, row: RowMapping | None, config: CompanyConfig) -> str:
    """Return the CSM of today, of the opening, or the fallback."""
    return str((row and row["owner_email"]) or episode.owner or config.playbooks.fallback_owner)


def _let_go(connection: Connection, now: datetime) -> None:
    """Edits and replies of a message that will never be there have nothing to belong to."""
    found = outbox_queries.orphans(connection)
    transitions.move(connection, [transitions.superseded(row, why) for row, why in found], now=now)


def _supersede(
    connection: Connection, edits: Iterable[RowMapping], now: datetime, why: str = "a later edit says more"
) -> None:
    """What has not been sent need not be."""
    waiting = [edit for edit in edits if edit["state"] == "pending"]
    transitions.move(connection, [transitions.superseded(edit, why) for edit in waiting], now=now)


def _overdue(
    connection: Connection,
    late: Sequence[Episode],
    watch: _Watch,
    config: CompanyConfig,
    as_of: date,
    now: datetime,
) -> Effect:
    """Return one message about escalated episodes that have no message of their own."""
    earlier = outbox_queries.count_of_cycle(connection, "overdue", f"day-{as_of}")
    rows: list[Mapping[str, Any]] = [
        {"episode": episode, "row": watch.readings.get(episode.account_id)} for episode in late
    ]
    return overdue(rows, earlier + 1, as_of=as_of, config=config)
