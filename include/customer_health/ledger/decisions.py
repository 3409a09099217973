"""The decision log: for every account, playbook and day, what was decided and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, Engine, RowMapping, delete, func, insert, select

from customer_health.ledger import playbook_runs
from customer_health.ledger.schema import decisions

# "It did not match" and "the CRM shows the same already" are worth a month, and nine rows of ten.
NOTHING_TO_DO = ("no_match", "unchanged")
KEEP_NOTHING = timedelta(days=30)
# Work that the run put off for want of capacity; the next live run takes it up again.
PUT_OFF = ("first_run_backlog", "held_by_brake", "held_by_new_model")
_BATCH = 2_000


@dataclass(frozen=True)
class Decision:
    """What one playbook decided about one account on one day.

    Attributes:
        account_id: The account.
        playbook: The playbook.
        outcome: "fired", or why not: "no_match", "done_already", "cooling_down", "excluded",
            "suppressed", "held_out", "shadow", "paused", "first_run_backlog", "held_by_brake",
            "held_by_new_model", "daily_limit", "failed", "too_old", "superseded".
        reason: The same in a sentence, with the numbers that decided.
        cycle_id: The episode, renewal cycle or period it acts for.
    """

    account_id: str
    playbook: str
    outcome: str
    reason: str
    cycle_id: str | None = None


def replace(connection: Connection, as_of: date, made: Iterable[Decision], *, now: datetime) -> None:
    """Write a day's decisions in place of those an earlier run of the same day made.

    Where the outcome is the same the first run's words and time stay: it knew what was new that day.
    """
    today = decisions.c.as_of == as_of
    before = {
        (row["account_id"], row["playbook"], row["outcome"]): row
        for row in connection.execute(select(decisions).where(today)).mappings()
    }
    connection.execute(delete(decisions).where(today))
    rows = [
        dict(before.get((decision.account_id, decision.playbook, decision.outcome), {}))
        or {"as_of": as_of, "at": now, **vars(decision)}
        for decision in made
    ]
    for start in range(0, len(rows), _BATCH):
        connection.execute(insert(decisions), rows[start : start + _BATCH])
    stale = decisions.c.as_of < as_of - KEEP_NOTHING
    connection.execute(delete(decisions).where(decisions.c.outcome.in_(NOTHING_TO_DO), stale))


def waiting(connection: Connection, before: date) -> set[tuple[str, str]]:
    """Return (account, playbook) whose human work the last live run put off for want of capacity."""
    last = playbook_runs.newest_live(connection, before=before)
    if last is None:
        return set()
    put_off = decisions.c.outcome.in_(PUT_OFF)
    query = select(decisions.c.account_id, decisions.c.playbook).where(decisions.c.as_of == last, put_off)
    return {(row.account_id, row.playbook) for row in connection.execute(query)}


def of(engine: Engine, as_of: date, account_id: str | None = None) -> list[RowMapping]:
    """Return a day's decisions, of one account or of all."""
    query = select(decisions).where(decisions.c.as_of == as_of)
    if account_id is not None:
        query = query.where(decisions.c.account_id == account_id)
    with engine.connect() as connection:
        return list(
            connection.execute(query.order_by(decisions.c.account_id, decisions.c.playbook)).mappings()
        )


def of_account(engine: Engine, account_id: str, limit: int) -> list[RowMapping]:
    """Return what playbooks decided about one account, newest first."""
    query = select(decisions).where(decisions.c.account_id == account_id)
    query = query.order_by(decisions.c.as_of.desc(), decisions.c.playbook).limit(limit)
    with engine.connect() as connection:
        return list(connection.execute(query).mappings())


def outcomes_of(engine: Engine, as_of: date) -> dict[str, int]:
    """Return how often each outcome was decided on one day, over all playbooks."""
    query = select(decisions.c.outcome, func.count().label("n")).where(decisions.c.as_of == as_of)
    with engine.connect() as connection:
        return {row.outcome: row.n for row in connection.execute(query.group_by(decisions.c.outcome))}


def summary(engine: Engine, as_of: date) -> dict[str, dict[str, int]]:
    """Return how often each playbook decided what on one day."""
    c = decisions.c
    query = (
        select(c.playbook, c.outcome, func.count()).where(c.as_of == as_of).group_by(c.playbook, c.outcome)
    )
    found: dict[str, dict[str, int]] = {}
    with engine.connect() as connection:
        for playbook, outcome, count in connection.execute(query):
            found.setdefault(playbook, {})[outcome] = count
    return found


@dataclass(frozen=True)
class Shadow:
    """What a playbook in shadow would have done.

    Attributes:
        playbook: The playbook.
        firings: Accounts and cycles for which it would have acted, each counted once.
        accounts: Different accounts.
        first: First day.
        last: Last day.
        examples: Account and reason, for the first few.
    """

    playbook: str
    firings: int
    accounts: int
    first: date
    last: date
    examples: tuple[tuple[str, str], ...]


def would_have_fired(engine: Engine, since: date, until: date) -> list[Shadow]:
    """Return, per playbook that was in shadow between two days (inclusive), what it would have done.

    A playbook in shadow matches its cycle anew every day; a cycle counts once.
    """
    c = decisions.c
    query = (
        select(c.playbook, c.account_id, c.cycle_id, func.min(c.as_of).label("day"), func.min(c.reason))
        .where(c.outcome == "shadow", c.as_of >= since, c.as_of <= until)
        .group_by(c.playbook, c.account_id, c.cycle_id)
        .order_by(c.playbook, "day", c.account_id)
    )
    found: dict[str, list[tuple[str, date, str]]] = {}
    with engine.connect() as connection:
        for playbook, account, _, day, reason in connection.execute(query):
            found.setdefault(playbook, []).append((account, day, reason))
    return [
        Shadow(
            playbook=playbook,
            firings=len(rows),
            accounts=len({account for account, _, _ in rows}),
            first=min(day for _, day, _ in rows),
            last=max(day for _, day, _ in rows),
            examples=tuple((account, reason) for account, _, reason in rows[:5]),
        )
        for playbook, rows in found.items()
    ]


def accounts_by_outcome(engine: Engine, since: date, until: date) -> dict[str, dict[str, int]]:
    """Return, per playbook, to how many different accounts each outcome came between two days (inclusive)."""
    c = decisions.c
    query = (
        select(c.playbook, c.outcome, func.count(c.account_id.distinct()))
        .where(c.as_of >= since, c.as_of <= until)
        .group_by(c.playbook, c.outcome)
    )
    found: dict[str, dict[str, int]] = {}
    with engine.connect() as connection:
        for playbook, outcome, count in connection.execute(query):
            found.setdefault(playbook, {})[outcome] = count
    return found


def reasons_of(engine: Engine, as_of: date, playbook: str, outcome: str) -> list[str]:
    """Return the reason of every decision of one playbook with one outcome on a day."""
    c = decisions.c
    query = select(c.reason).where(c.as_of == as_of, c.playbook == playbook, c.outcome == outcome)
    with engine.connect() as connection:
        return list(connection.execute(query.order_by(c.account_id)).scalars())
