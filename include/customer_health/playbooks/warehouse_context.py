"""What playbooks look up beside the score, for the few accounts they act on: use of seats, busy times."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from customer_health.playbooks import champion_graph, meeting_times, usage_audit
from customer_health.playbooks.actions import RunContext
from customer_health.playbooks.matching import Match
from customer_health.playbooks.meeting_times import Availability, Span
from customer_health.playbooks.recipient import writes_a_letter
from customer_health.playbooks.steps import CreateTask, ProposeMeeting
from customer_health.roles import Viewer
from customer_health.warehouse.raw import has_table

if TYPE_CHECKING:
    import duckdb

# A proposal older than this was accepted or has passed.
HELD_FOR = timedelta(days=60)
LONG_MEETING = 45  # minutes from which on a meeting about an account may be its business review


@dataclass(frozen=True)
class WarehouseContext:
    """Where the facts beside the score come from; without a warehouse at hand nothing is known.

    Attributes:
        audits: From (account -> licensed seats) to audits by account; see usage_audit.py.
        busy: Spans by owner's e-mail, of every calendar that we can see.
        people: From account ids and patterns of executive titles to champion graphs by account.
        reviews: Day of the next long meeting with an account, by account, of those calendars.
        rejected_rows: Rows in quarantine, by table.
        renewals: From the ledger and a viewer to what the running quarter's renewals bring, for the digest;
            None if nothing is known.
    """

    audits: Callable[[Mapping[str, float | None]], Mapping[str, Mapping[str, Any]]]
    busy: Callable[[], Mapping[str, list[Span]]]
    reviews: Callable[[], Mapping[str, date]] = dict
    people: Callable[[Sequence[str], Sequence[str]], Mapping[str, Mapping[str, Any]]] = lambda ids, titles: {}
    rejected_rows: Callable[[], Mapping[str, int]] = dict
    renewals: Callable[[Connection, Viewer], Mapping[str, Any] | None] = lambda connection, viewer: None


NOTHING_KNOWN = WarehouseContext(lambda seats: {}, dict)


def of_warehouse(
    con: duckdb.DuckDBPyConnection, as_of: date, usage: usage_audit.UsageElsewhere | None = None
) -> WarehouseContext:
    """Return the background of a day; what became known on the day or later does not count.

    Args:
        con: The warehouse.
        as_of: The day.
        usage: Where usage is, if it is not in `con`.
    """
    return WarehouseContext(
        audits=lambda seats: usage_audit.read_audits(con, seats, as_of, usage),
        busy=lambda: _busy(con, as_of),
        reviews=lambda: _reviews(con, as_of),
        rejected_rows=lambda: _rejected_rows(con),
        people=lambda ids, titles: champion_graph.read_graphs(
            con, ids, as_of, titles, with_usage=usage is None
        ),
    )


def with_context(
    run_context: RunContext,
    matches: Iterable[Match],
    existing: Mapping[str, date],
    background: WarehouseContext,
    connection: Connection,
) -> RunContext:
    """Return the occasion with what its new steps need to know; nothing is read that no step asks for."""
    new = [
        (match, step)
        for match in matches
        for step in match.playbook.steps
        if match.keys[step.name] not in existing
    ]
    audited = {
        match.facts.account_id: match.facts.number("seats")
        for match, step in new
        if isinstance(step, CreateTask) and step.attach == "usage_audit"
    }
    if audited:
        run_context = replace(run_context, audits=background.audits(audited))
    known = {
        match.facts.account_id
        for match, step in new
        if getattr(step, "attach", None) == "successors" or writes_a_letter(step)
    }
    if known:
        patterns = run_context.config.people.executive_title_patterns
        run_context = replace(run_context, people=background.people(sorted(known), patterns))
    if any(isinstance(step, ProposeMeeting) or _names_times(step) for _, step in new):
        seen = background.busy()
        busy = {owner.lower(): list(spans) for owner, spans in seen.items()}
        for owner, spans in meeting_times.promised(connection, run_context.now - HELD_FOR).items():
            busy.setdefault(owner, []).extend(spans)
        hours = run_context.config.playbooks.meeting_hours
        run_context = replace(
            run_context, availability=Availability(hours, busy, frozenset(owner.lower() for owner in seen))
        )
    return run_context


def _names_times(step: Any) -> bool:
    return getattr(step, "attach", None) == "meeting_times"


def _busy(con: duckdb.DuckDBPyConnection, as_of: date) -> dict[str, list[Span]]:
    """Return the busy times that end on or after `as_of`, of everybody whose calendar ever told us one."""
    if not _has_calendar(con):
        return {}
    cut = datetime.combine(as_of, time())
    rows = con.execute(
        "SELECT owner_email, occurred_at, ends_at FROM raw.calendar "
        "WHERE known_at < $cut AND ends_at > occurred_at",
        {"cut": cut},
    ).fetchall()
    spans: dict[str, list[Span]] = {}
    for owner, start, end in rows:
        held = spans.setdefault(str(owner), [])
        if end >= cut:
            held.append((start.replace(tzinfo=UTC), end.replace(tzinfo=UTC)))
    return spans


def _reviews(con: duckdb.DuckDBPyConnection, as_of: date) -> dict[str, date]:
    """Return the next day, within two months, on which a calendar holds a long meeting about an account."""
    if not _has_calendar(con):
        return {}
    begins = datetime.combine(as_of, time())
    rows = con.execute(
        "SELECT account_id, min(occurred_at) FROM raw.calendar WHERE account_id IS NOT NULL "
        "AND known_at < $begins AND occurred_at >= $begins AND occurred_at < $until "
        "AND ends_at - occurred_at >= to_minutes($long) GROUP BY account_id",
        {"begins": begins, "until": begins + HELD_FOR, "long": LONG_MEETING},
    ).fetchall()
    return {str(account): day.date() for account, day in rows}


def _rejected_rows(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Return how many rows wait in quarantine, by table."""
    if not has_table(con, "rows", "quarantine"):
        return {}
    rows = con.execute("SELECT table_name, count(*) FROM quarantine.rows GROUP BY 1 ORDER BY 2 DESC, 1")
    return {str(table): int(count) for table, count in rows.fetchall()}


def _has_calendar(con: duckdb.DuckDBPyConnection) -> bool:
    return has_table(con, "calendar", "raw")
