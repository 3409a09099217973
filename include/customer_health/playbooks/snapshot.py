"""Read, inside one transaction, everything that a run of the playbooks looks at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, case, func, or_, select

from customer_health.company import CompanyConfig
from customer_health.ledger import (
    decisions,
    episodes,
    holdout_assignments,
    kill_switches,
    scores,
    slack_threads,
)
from customer_health.ledger.schema import episodes as episode_table
from customer_health.ledger.schema import outbox, playbook_runs, score_runs, score_signals
from customer_health.ledger.schema import scores as score_table
from customer_health.ledger.scores import BAND_SHOWN, TIER_SHOWN, as_shown
from customer_health.playbooks.account_view import AccountView, Reading, level_of
from customer_health.playbooks.playbook import Playbook
from customer_health.playbooks.steps import SetFields

_BATCH = 500
# What a damaged row may raise. Anything else is a defect of ours and stops the run.
ROW_FAULTS = (TypeError, ValueError, KeyError, AttributeError, OverflowError)
CHARTED = timedelta(weeks=13)  # what an alert's chart shows
_READING = (
    *(score_table.c[name] for name in ("account_id", "as_of", "score_shown", "model_id", "meaning")),
    TIER_SHOWN.label("tier"),
    BAND_SHOWN.label("band"),
)
_LEVEL = case((func.lower(TIER_SHOWN) == "critical", 2), (func.lower(BAND_SHOWN) == "red", 1), else_=0)


@dataclass(frozen=True)
class Snapshot:
    """The ledger as one run sees it.

    Attributes:
        as_of: The day.
        published_at: When its scores were first published; due times count from here.
        facts: One per account with a row on that day, in order of account id.
        gone: Episodes of accounts that are missing today and were missing the day before.
        red_since: First day of the unbroken Red run up to yesterday, by account without an episode.
        worst_level: Worst level inside the open episode before today, by account.
        first_live: No earlier day ever acted.
        waiting: (account, playbook) that the last run put off for want of capacity.
        last_fired: Latest earlier day on which (account, playbook) acted, for playbooks with a cooldown.
        sent_fields: The last fields written within the refresh period, by account.
        notified: Payloads of today's Slack effects that exist already, by key.
        told: Episodes that have a Slack message of their own.
        arms: Holdout arm by account.
        drawn: Eligible accounts drawn so far, by stratum.
        stopped: Playbooks whose kill switch is thrown, with who and why.
        broken: Accounts whose row cannot be understood, with the error; the others go on.
    """

    as_of: date
    published_at: datetime
    facts: Sequence[AccountView]
    gone: Sequence[episodes.Episode]
    red_since: Mapping[str, date]
    worst_level: Mapping[str, int]
    first_live: bool
    waiting: frozenset[tuple[str, str]]
    last_fired: Mapping[tuple[str, str], date]
    sent_fields: Mapping[str, Mapping[str, Any]]
    notified: Mapping[str, Mapping[str, Any]]
    told: frozenset[str] = frozenset()
    arms: Mapping[str, str] = field(default_factory=dict)
    drawn: Mapping[str, int] = field(default_factory=dict)
    stopped: Mapping[str, str] = field(default_factory=dict)
    broken: Mapping[str, str] = field(default_factory=dict)


def read(
    connection: Connection, as_of: date, playbooks: Iterable[Playbook], config: CompanyConfig
) -> Snapshot | None:
    """Return the snapshot, or None when no scores were published for `as_of`."""
    published = connection.execute(
        select(score_runs.c.first_published_at).where(score_runs.c.as_of == as_of)
    ).scalar()
    if published is None:
        return None
    in_force = episodes.in_force(connection, as_of)
    previous = _previous(connection, as_of)
    signals = {
        row.account_id: row.signals
        for row in connection.execute(select(score_signals).where(score_signals.c.as_of == as_of))
    }
    rows = connection.execute(
        select(score_table).where(score_table.c.as_of == as_of).order_by(score_table.c.account_id)
    ).mappings()
    books = list(playbooks)
    falls = [book.when.lasting_fall for book in books if book.when.lasting_fall is not None]
    past = _past(connection, as_of, timedelta(max(fall.days for fall in falls))) if falls else {}
    facts: list[AccountView] = []
    broken: dict[str, str] = {}
    for row in rows:
        account = row["account_id"]
        try:
            fact = AccountView(
                row=as_shown(row),
                previous=previous.get(account),
                signals=signals.get(account, {}),
                as_of=as_of,
                episode=in_force.get(account),
                config=config,
                past=past.get(account, ()),
            )
            fact.rehearse()
        except ROW_FAULTS as error:
            broken[account] = f"{type(error).__name__}: {error}"
        else:
            facts.append(fact)
    newly_red = [fact.account_id for fact in facts if fact.level > 0 and fact.episode is None]
    charted = _past(connection, as_of, CHARTED, newly_red)
    facts = [
        replace(fact, past=charted[fact.account_id]) if fact.account_id in charted else fact for fact in facts
    ]
    earlier_live = select(func.count()).where(playbook_runs.c.mode == "live", playbook_runs.c.as_of < as_of)
    return Snapshot(
        as_of=as_of,
        published_at=published,
        facts=facts,
        gone=_gone(connection, as_of, in_force, {fact.account_id for fact in facts} | broken.keys()),
        red_since=_red_since(connection, as_of, newly_red),
        worst_level=_worst_levels(connection, as_of),
        first_live=not connection.execute(earlier_live).scalar(),
        waiting=frozenset(decisions.waiting(connection, as_of)),
        last_fired=_last_fired(connection, as_of, [book.name for book in books if book.cooldown]),
        sent_fields=_sent_fields(connection, as_of, books),
        notified=_notified(connection, as_of),
        told=frozenset(slack_threads.told(connection)),
        arms=holdout_assignments.arms(connection),
        drawn=holdout_assignments.drawn(connection),
        stopped=kill_switches.stopped(connection, "playbook"),
        broken=broken,
    )


def with_reviews(snapshot: Snapshot, planned: Mapping[str, date]) -> Snapshot:
    """Return the snapshot in which accounts know of the business review that is planned for them."""
    facts = [
        replace(fact, review_on=planned[fact.account_id]) if fact.account_id in planned else fact
        for fact in snapshot.facts
    ]
    return replace(snapshot, facts=facts)


def _previous(connection: Connection, as_of: date) -> dict[str, Reading]:
    query = scores.previous_of(as_of).with_only_columns(*_READING)
    return {row.account_id: _reading(row) for row in connection.execute(query)}


def _past(
    connection: Connection, as_of: date, span: timedelta, accounts: Sequence[str] | None = None
) -> dict[str, list[Reading]]:
    """Return earlier readings, oldest first, of some accounts or of all."""
    c = score_table.c
    query = (
        select(*_READING)
        .where(c.as_of < as_of, c.as_of >= as_of - span, c.score_shown.is_not(None))
        .order_by(c.as_of)
    )
    queries = [query]
    if accounts is not None:
        parts = (accounts[start : start + _BATCH] for start in range(0, len(accounts), _BATCH))
        queries = [query.where(c.account_id.in_(part)) for part in parts]
    found: dict[str, list[Reading]] = {}
    for each in queries:
        for row in connection.execute(each):
            found.setdefault(row.account_id, []).append(_reading(row))
    return found


def _reading(row: Row[Any]) -> Reading:
    level = level_of(row.tier, row.band)
    return Reading(row.as_of, row.score_shown, row.tier or "", level, row.model_id, row.meaning)


def _gone(
    connection: Connection, as_of: date, in_force: Mapping[str, episodes.Episode], present: set[str]
) -> list[episodes.Episode]:
    """One missing row may be a data fault; missing on two days in a row, the account has left."""
    missing = [account for account in in_force if account not in present]
    before = connection.execute(
        select(func.max(score_runs.c.as_of)).where(score_runs.c.as_of < as_of)
    ).scalar()
    if not missing or not present or before is None:
        return []
    seen = set(
        connection.execute(select(score_table.c.account_id).where(score_table.c.as_of == before)).scalars()
    )
    return [in_force[account] for account in missing if account not in seen]


def _red_since(connection: Connection, as_of: date, accounts: Sequence[str]) -> dict[str, date]:
    c, found = score_table.c, dict[str, date]()
    for start in range(0, len(accounts), _BATCH):
        some = accounts[start : start + _BATCH]
        earlier = (c.as_of < as_of, c.account_id.in_(some), c.score_shown.is_not(None))
        fine = (
            select(c.account_id, func.max(c.as_of).label("last"))
            .where(*earlier, _LEVEL == 0)
            .group_by(c.account_id)
            .subquery()
        )
        query = (
            select(c.account_id, func.min(c.as_of).label("first"))
            .outerjoin(fine, fine.c.account_id == c.account_id)
            .where(*earlier, _LEVEL > 0, or_(fine.c.last.is_(None), c.as_of > fine.c.last))
            .group_by(c.account_id)
        )
        found.update({row.account_id: row.first for row in connection.execute(query)})
    return found


def _worst_levels(connection: Connection, as_of: date) -> dict[str, int]:
    c, e = score_table.c, episode_table.c
    query = (
        select(c.account_id, func.max(_LEVEL).label("worst"))
        .join(episode_table, (e.account_id == c.account_id) & (c.as_of >= e.opened_as_of))
        .where(c.as_of < as_of, c.score_shown.is_not(None))
        .where(or_(e.closed_as_of.is_(None), e.closed_as_of >= as_of))
        .group_by(c.account_id)
    )
    return {row.account_id: row.worst for row in connection.execute(query)}


def _last_fired(connection: Connection, as_of: date, names: Sequence[str]) -> dict[tuple[str, str], date]:
    c = outbox.c
    query = (
        select(c.account_id, c.playbook, func.max(c.as_of).label("last"))
        .where(c.playbook.in_(names), c.as_of < as_of)
        .group_by(c.account_id, c.playbook)
    )
    return {(row.account_id, row.playbook): row.last for row in connection.execute(query)}


def _sent_fields(
    connection: Connection, as_of: date, books: Sequence[Playbook]
) -> dict[str, Mapping[str, Any]]:
    c = outbox.c
    steps = [(book.name, step) for book in books for step in book.steps if isinstance(step, SetFields)]
    refresh = max((step.refresh for _, step in steps), default=timedelta(0))
    query = (
        select(c.account_id, c.payload)
        .where(c.playbook.in_([name for name, _ in steps]), c.verb == SetFields.verb)
        .where(c.as_of < as_of, c.as_of > as_of - refresh, c.state != "rejected")
        .order_by(c.as_of)
    )
    return {row.account_id: row.payload["fields"] for row in connection.execute(query)}


def _notified(connection: Connection, as_of: date) -> dict[str, Mapping[str, Any]]:
    query = select(outbox.c.key, outbox.c.payload).where(outbox.c.as_of == as_of, outbox.c.verb == "notify")
    return {row.key: row.payload for row in connection.execute(query)}
