"""Read, inside one transaction, everything that a run of the playbooks looks at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row

from customer_health.company import CompanyConfig
from customer_health.ledger import (
    crm_tasks,
    decisions,
    episodes,
    holdout_assignments,
    kill_switches,
    outbox_queries,
    playbook_runs,
    score_history,
    slack_threads,
)
from customer_health.ledger.scores import as_shown
from customer_health.playbooks.account_view import AccountView, Reading, level_of
from customer_health.playbooks.playbook import Playbook
from customer_health.playbooks.score_row_check import check_row
from customer_health.playbooks.steps import SetFields

# What a damaged row may raise. Anything else is a defect of ours and stops the run.
ROW_FAULTS = (TypeError, ValueError, KeyError, AttributeError, OverflowError)
CHARTED = timedelta(weeks=13)  # what an alert's chart shows


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
    published = score_history.first_published_at(connection, as_of)
    if published is None:
        return None
    in_force = episodes.in_force(connection, as_of)
    previous = _previous(connection, as_of)
    signals = score_history.signals_of(connection, as_of)
    rows = score_history.rows_of(connection, as_of)
    books = list(playbooks)
    falls = [book.when.lasting_fall for book in books if book.when.lasting_fall is not None]
    guards = [
        guard for book in books for step in book.steps for guard in (step.unless, step.only_if) if guard
    ]
    asked = timedelta(max((guard.review_invited_within or 0 for guard in guards), default=0) + 1)
    invited = outbox_queries.reviews_asked_for(connection, after=as_of - asked, before=as_of)
    tasks = crm_tasks.earlier_tasks(connection, as_of)
    past = _past(connection, as_of, timedelta(max(fall.days for fall in falls))) if falls else {}
    facts: list[AccountView] = []
    broken: dict[str, str] = {}
    for row in rows:
        account = row["account_id"]
        try:
            shown = as_shown(row)
            check_row(shown)
            fact = AccountView(
                row=shown,
                previous=previous.get(account),
                signals=signals.get(account, {}),
                as_of=as_of,
                episode=in_force.get(account),
                config=config,
                past=past.get(account, ()),
                review_invited_on=invited.get(account),
                tasks=tasks.get(account, {}),
            )
        except ROW_FAULTS as error:
            broken[account] = f"{type(error).__name__}: {error}"
        else:
            facts.append(fact)
    newly_red = [fact.account_id for fact in facts if fact.level > 0 and fact.episode is None]
    charted = _past(connection, as_of, CHARTED, newly_red)
    facts = [
        replace(fact, past=charted[fact.account_id]) if fact.account_id in charted else fact for fact in facts
    ]
    return Snapshot(
        as_of=as_of,
        published_at=published,
        facts=facts,
        gone=_gone(connection, as_of, in_force, {fact.account_id for fact in facts} | broken.keys()),
        red_since=score_history.red_since(connection, as_of, newly_red),
        worst_level=score_history.worst_levels(connection, as_of),
        first_live=playbook_runs.newest_live(connection, before=as_of) is None,
        waiting=frozenset(decisions.waiting(connection, as_of)),
        last_fired=outbox_queries.last_acted(
            connection, as_of, [book.name for book in books if book.cooldown]
        ),
        sent_fields=_sent_fields(connection, as_of, books),
        notified=outbox_queries.payloads_of_day(connection, as_of, "notify"),
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
    rows = score_history.previous_readings(connection, as_of)
    return {row.account_id: _reading(row) for row in rows}


def _past(
    connection: Connection, as_of: date, span: timedelta, accounts: Sequence[str] | None = None
) -> dict[str, list[Reading]]:
    """Return earlier readings, oldest first, of some accounts or of all."""
    found: dict[str, list[Reading]] = {}
    for row in score_history.earlier_readings(connection, as_of, span, accounts):
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
    before = score_history.day_between(connection, until=as_of - timedelta(days=1))
    if not missing or not present or before is None:
        return []
    seen = score_history.accounts_of(connection, before)
    return [in_force[account] for account in missing if account not in seen]


def _sent_fields(
    connection: Connection, as_of: date, books: Sequence[Playbook]
) -> dict[str, Mapping[str, Any]]:
    steps = [(book.name, step) for book in books for step in book.steps if isinstance(step, SetFields)]
    refresh = max((step.refresh for _, step in steps), default=timedelta(0))
    return outbox_queries.latest_fields(
        connection, [name for name, _ in steps], SetFields.verb, after=as_of - refresh, before=as_of
    )
