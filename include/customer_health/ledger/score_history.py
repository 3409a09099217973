"""Published scores across days, inside one transaction: what playbooks, KPIs and monitoring look back on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, Row, RowMapping, case, func, or_, select

from customer_health.ledger.schema import episodes, score_runs, score_signals, scores
from customer_health.ledger.schema_page import portfolio_rows
from customer_health.ledger.scores import BAND_SHOWN, TIER_SHOWN, previous_of

if TYPE_CHECKING:
    import pandas as pd

_BATCH = 500
_READING = (
    *(scores.c[name] for name in ("account_id", "as_of", "score_shown", "model_id", "meaning")),
    TIER_SHOWN.label("tier"),
    BAND_SHOWN.label("band"),
)
# As playbooks/account_view.level_of, for queries: 2 for Critical, 1 for anything else that is Red.
_LEVEL = case((func.lower(TIER_SHOWN) == "critical", 2), (func.lower(BAND_SHOWN) == "red", 1), else_=0)


def first_published_at(connection: Connection, as_of: date) -> datetime | None:
    """Return when a day's scores were first published; None when they never were."""
    query = select(score_runs.c.first_published_at).where(score_runs.c.as_of == as_of)
    return connection.execute(query).scalar()


def publications(connection: Connection, days: Iterable[date] | None = None) -> dict[date, datetime]:
    """Return when each day was first published, of all days or of some."""
    query = select(score_runs.c.as_of, score_runs.c.first_published_at)
    if days is not None:
        query = query.where(score_runs.c.as_of.in_(sorted(set(days))))
    return {row.as_of: row.first_published_at for row in connection.execute(query)}


def day_between(connection: Connection, *, after: date | None = None, until: date) -> date | None:
    """Return the latest published day up to `until`, optionally only if it lies after `after`."""
    query = select(func.max(score_runs.c.as_of)).where(score_runs.c.as_of <= until)
    if after is not None:
        query = query.where(score_runs.c.as_of > after)
    return connection.execute(query).scalar()


def rows_of(connection: Connection, as_of: date) -> Sequence[RowMapping]:
    """Return the published rows of one day, by account."""
    query = select(scores).where(scores.c.as_of == as_of).order_by(scores.c.account_id)
    return connection.execute(query).mappings().all()


def some_rows_of(connection: Connection, as_of: date, accounts: Sequence[str]) -> dict[str, RowMapping]:
    """Return the published rows of some accounts on one day, by account."""
    found: dict[str, RowMapping] = {}
    for part in _parts(accounts):
        query = select(scores).where(scores.c.as_of == as_of, scores.c.account_id.in_(part))
        found.update({row["account_id"]: row for row in connection.execute(query).mappings()})
    return found


def accounts_of(connection: Connection, as_of: date) -> set[str]:
    """Return the accounts that have a row on one day, scored or not."""
    return set(connection.execute(select(scores.c.account_id).where(scores.c.as_of == as_of)).scalars())


def signals_of(connection: Connection, as_of: date) -> dict[str, Mapping[str, Any]]:
    """Return the known signals of one recent day, by account."""
    query = select(score_signals).where(score_signals.c.as_of == as_of)
    return {row.account_id: row.signals for row in connection.execute(query)}


def previous_readings(connection: Connection, as_of: date) -> list[Row[Any]]:
    """Return each account's latest reading before a day.

    Columns: account_id, as_of, score_shown, model_id, meaning, tier, band.
    """
    return list(connection.execute(previous_of(as_of).with_only_columns(*_READING)))


def earlier_readings(
    connection: Connection, as_of: date, span: timedelta, accounts: Sequence[str] | None = None
) -> list[Row[Any]]:
    """Return the readings of the days before `as_of` within `span`, oldest first, of some accounts or of all.

    Columns as for `previous_readings`. Of some accounts, days are in order within each few hundred accounts.
    """
    c = scores.c
    query = (
        select(*_READING)
        .where(c.as_of < as_of, c.as_of >= as_of - span, c.score_shown.is_not(None))
        .order_by(c.as_of)
    )
    if accounts is None:
        return list(connection.execute(query))
    return [
        row for part in _parts(accounts) for row in connection.execute(query.where(c.account_id.in_(part)))
    ]


def shown_on(connection: Connection, as_of: date | None) -> dict[str, tuple[int, str, float]]:
    """Return shown score, shown tier and ARR of every account with a score on one day."""
    query = select(scores.c.account_id, scores.c.score_shown, TIER_SHOWN.label("tier"), scores.c.arr).where(
        scores.c.as_of == as_of, scores.c.score_shown.is_not(None)
    )
    return {
        row.account_id: (row.score_shown, row.tier or "", row.arr or 0.0) for row in connection.execute(query)
    }


def scored_accounts(
    connection: Connection, as_of: date
) -> list[tuple[str, float | None, int | None, str | None]]:
    """Return account, ARR, shown score and shown tier of every account with a row on one day."""
    query = select(scores.c.account_id, scores.c.arr, scores.c.score_shown, TIER_SHOWN)
    rows = connection.execute(query.where(scores.c.as_of == as_of))
    return [(account, arr, score, tier) for account, arr, score, tier in rows]


def last_state(connection: Connection, account_id: str, *, first: date, until: date) -> str | None:
    """Return an account's state on the latest published day of a span (both inclusive).

    None when nothing was published in it, or when that day has no row of the account.
    """
    last = (
        select(score_runs.c.as_of)
        .where(score_runs.c.as_of <= until, score_runs.c.as_of >= first)
        .order_by(score_runs.c.as_of.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = select(scores.c.state).where(scores.c.account_id == account_id, scores.c.as_of == last)
    return connection.execute(query).scalar()


def red_since(connection: Connection, as_of: date, accounts: Sequence[str]) -> dict[str, date]:
    """Return the first day of the unbroken run of Red readings up to the day before `as_of`, by account."""
    c, found = scores.c, dict[str, date]()
    for part in _parts(accounts):
        earlier = (c.as_of < as_of, c.account_id.in_(part), c.score_shown.is_not(None))
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


def worst_levels(connection: Connection, as_of: date) -> dict[str, int]:
    """Return the worst level inside each episode in force before `as_of`, by account."""
    c, e = scores.c, episodes.c
    query = (
        select(c.account_id, func.max(_LEVEL).label("worst"))
        .join(episodes, (e.account_id == c.account_id) & (c.as_of >= e.opened_as_of))
        .where(c.as_of < as_of, c.score_shown.is_not(None))
        .where(or_(e.closed_as_of.is_(None), e.closed_as_of >= as_of))
        .group_by(c.account_id)
    )
    return {row.account_id: row.worst for row in connection.execute(query)}


def published_between(engine: Engine, since: date, before: date) -> pd.DataFrame:
    """Return every published row of the days from `since` up to, not including, `before`."""
    query = select(scores).where(scores.c.as_of < before, scores.c.as_of >= since)
    import pandas as pd

    with engine.connect() as connection:
        result = connection.execute(query)
        return pd.DataFrame(result.fetchall(), columns=list(result.keys()))


def weekly_bands(engine: Engine, since: date, before: date) -> pd.DataFrame:
    """Return what the scored accounts of one day a week were, from `since` up to, not including, `before`.

    `account_id`, `as_of`, `score`, `band`, `attention`, `arr`, `state`: a year of weeks, without the reasons.
    Days of which retention has kept only some accounts (those around episodes) are left out: they would
    flatter every recall.
    """
    import pandas as pd

    c, run = portfolio_rows.c, score_runs.c
    kept = (
        select(c.as_of, func.count().label("accounts"))
        .where(c.as_of >= since, c.as_of < before)
        .group_by(c.as_of)
        .subquery()
    )
    whole = select(run.as_of).join(kept, kept.c.as_of == run.as_of).where(kept.c.accounts >= run.accounts)
    with engine.connect() as connection:
        days = connection.execute(whole.order_by(run.as_of)).scalars()
        weekly = {day.isocalendar()[:2]: day for day in days}  # the last of each week
        columns = [c[name] for name in ("account_id", "as_of", "score", "band", "attention", "arr", "state")]
        query = select(*columns).where(c.as_of.in_(weekly.values()), c.state == "scored")
        result = connection.execute(query)
        return pd.DataFrame(result.fetchall(), columns=list(result.keys()))


def segments_at(engine: Engine, day: date) -> dict[str, str]:
    """Return account -> segment as it was published for a day: on it or last before it, else first after it.

    Accounts of which no published row names a segment are absent.
    """
    c = portfolio_rows.c
    found: dict[str, str] = {}
    with engine.connect() as connection:
        for newest, where in ((func.min(c.as_of), c.as_of > day), (func.max(c.as_of), c.as_of <= day)):
            one = (
                select(c.account_id, newest.label("as_of"))
                .where(where, c.segment.is_not(None))
                .group_by(c.account_id)
                .subquery()
            )
            same = (c.account_id == one.c.account_id) & (c.as_of == one.c.as_of)
            rows = connection.execute(select(c.account_id, c.segment).join(one, same))
            found.update((row.account_id, row.segment) for row in rows)
    return found


def _parts(accounts: Sequence[str]) -> list[Sequence[str]]:
    return [accounts[start : start + _BATCH] for start in range(0, len(accounts), _BATCH)]
