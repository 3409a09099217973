"""Sum a published day up for the page: a narrow row per account; totals, options and movers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from customer_health.ledger.schema import score_runs, scores
from customer_health.ledger.schema_page import account_owners, portfolio_days, portfolio_rows

WEEK = timedelta(days=7)
# Days after one that is published anew whose movers may be measured from it.
_COMPARES = timedelta(days=14)
_MOVERS = 5
_OPTIONS = 500
_BATCH = 2_000
_FROM_SCORES = (
    *("as_of", "account_id", "name", "state", "score", "score_shown", "attention", "why", "segment", "arr"),
    *("review", "lifecycle_score"),
    *("currency", "expected_loss", "renewal_date", "owner_email", "manager_email", "parent_account_id"),
    *("model_id", "meaning"),
)
Row = Mapping[Any, Any]


def refresh(connection: Connection, as_of: date, published: Iterable[Row]) -> None:
    """Replace what the page shows of a day, inside the transaction that publishes it.

    Args:
        connection: A write transaction.
        as_of: The day.
        published: Its rows of `scores`.
    """
    rows = [narrow(row) for row in published]
    connection.execute(delete(portfolio_rows).where(portfolio_rows.c.as_of == as_of))
    for start in range(0, len(rows), _BATCH):
        connection.execute(insert(portfolio_rows), rows[start : start + _BATCH])
    _note_owners(connection, as_of, rows)
    connection.execute(delete(portfolio_days).where(portfolio_days.c.as_of == as_of))
    before = day_to_compare(_days(connection), as_of)
    connection.execute(
        insert(portfolio_days).values(
            as_of=as_of,
            **day_summary(rows),
            compared_with=before,
            movers=_movers(_shown(connection, before), rows),
        )
    )
    c = portfolio_days.c
    later = select(c.as_of).where(c.as_of > as_of, c.as_of <= as_of + _COMPARES)
    for day in connection.execute(later).scalars().all():
        _compare_again(connection, day)


def summed_up(connection: Connection, day: date) -> dict[str, Any] | None:
    """Return what `portfolio_days` holds of a day, from its rows: for who sees some of them only."""
    rows = connection.execute(select(portfolio_rows).where(portfolio_rows.c.as_of == day)).mappings().all()
    days = _days(connection)
    if day not in days:
        return None
    before = day_to_compare(days, day)
    movers = _movers(_shown(connection, before), rows)
    return {"as_of": day, **day_summary(rows), "compared_with": before, "movers": movers}


def fill_missing(connection: Connection) -> int:
    """Sum up the published days that are not; return how many. A back-up of an older ledger lacks them."""
    known = set(connection.execute(select(portfolio_days.c.as_of)).scalars())
    missing = [day for day in sorted(_days(connection)) if day not in known]
    for day in missing:
        published = connection.execute(select(scores).where(scores.c.as_of == day)).mappings().all()
        refresh(connection, day, published)
    return len(missing)


def day_to_compare(days: Iterable[date], day: date) -> date | None:
    """Return the latest day at least a week before `day`, else the oldest before it; None without any."""
    older = sorted(other for other in days if other < day)
    week = [other for other in older if other <= day - WEEK]
    return week[-1] if week else (older[0] if older else None)


def narrow(row: Row) -> dict[str, Any]:
    """Return the row of `portfolio_rows` that a row of `scores` (or what of it was given) makes."""
    found = {name: row.get(name) for name in _FROM_SCORES}
    facts = row.get("facts") or []
    tier = row.get("tier_shown") or row.get("tier")
    scored = row["state"] == "scored" and tier is not None
    return found | {
        "tier": tier,
        "band": row.get("band_shown") or row.get("band"),
        "bucket": tier if scored else row["state"],
        "fact_codes": "|" + "".join(f"{fact['code']}|" for fact in facts) if facts else "||",
        "fact_titles": [[fact["code"], fact["title"]] for fact in facts],
    }


def day_summary(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the day's totals by bucket, what can be filtered by, its currency and its meanings."""
    buckets: dict[str, list[float]] = {}
    coins: Counter[str] = Counter()
    meanings = set()
    for row in rows:
        total = buckets.setdefault(row["bucket"], [0, 0.0, 0])
        total[0] += 1
        if row["arr"] is not None:
            total[1] += row["arr"]
            total[2] += 1
        if row["currency"]:
            coins[row["currency"]] += 1
        if row["score_shown"] is not None:
            meanings.add(row["meaning"] or "")
    most = sorted(coins.items(), key=lambda pair: (-pair[1], pair[0]))
    return {
        "buckets": buckets,
        "options": _options(rows),
        "currency": most[0][0] if most else None,
        "meanings": sorted(meanings),
    }


def _note_owners(connection: Connection, as_of: date, rows: Sequence[Row]) -> None:
    """Keep each account's owner and manager of its newest published day; an earlier day changes nothing."""
    c = account_owners.c
    known = dict(connection.execute(select(c.account_id, c.as_of)).tuples().all())
    told = [
        {"account_id": row["account_id"], "as_of": as_of}
        | {name: (row[name] or "").lower() or None for name in ("owner_email", "manager_email")}
        for row in rows
        if known.get(row["account_id"], as_of) <= as_of
    ]
    old = [{"gone": row["account_id"]} for row in told if row["account_id"] in known]
    if old:
        connection.execute(delete(account_owners).where(c.account_id == bindparam("gone")), old)
    if told:
        connection.execute(insert(account_owners), told)


def _options(rows: Sequence[Row]) -> dict[str, Any]:
    def texts(column: str) -> list[str]:
        return sorted({row[column] for row in rows if row[column]})[:_OPTIONS]

    names = {row["account_id"]: row["name"] or row["account_id"] for row in rows}
    parents = texts("parent_account_id")
    facts = {code: title for row in rows for code, title in row["fact_titles"]}
    return {
        "owners": texts("owner_email"),
        "managers": texts("manager_email"),
        "segments": texts("segment"),
        "facts": sorted(facts.items(), key=lambda pair: pair[1]),
        "parents": [[parent, names.get(parent, parent)] for parent in parents],
    }


def _movers(before: Mapping[str, tuple[int, str | None]], rows: Iterable[Row]) -> dict[str, list[Any]]:
    moved = [
        (row["score_shown"] - score, row)
        for row in rows
        if row["score_shown"] is not None and row["account_id"] in before
        for score, meaning in [before[row["account_id"]]]
        if meaning == row["meaning"] and row["score_shown"] != score
    ]
    moved.sort(key=lambda pair: (pair[0], pair[1]["account_id"]))

    def told(pairs: Sequence[tuple[int, Row]]) -> list[dict[str, Any]]:
        return [
            {
                "account_id": row["account_id"],
                "name": row["name"],
                "from": row["score_shown"] - delta,
                "to": row["score_shown"],
                "tier": row["tier"],
                "arr": row["arr"],
                "currency": row["currency"],
            }
            for delta, row in pairs
        ]

    falls = [pair for pair in moved if pair[0] < 0]
    rises = [pair for pair in reversed(moved) if pair[0] > 0]
    return {"down": told(falls[:_MOVERS]), "up": told(rises[:_MOVERS])}


def _compare_again(connection: Connection, day: date) -> None:
    before = day_to_compare(_days(connection), day)
    rows = connection.execute(select(portfolio_rows).where(portfolio_rows.c.as_of == day)).mappings().all()
    connection.execute(
        update(portfolio_days)
        .where(portfolio_days.c.as_of == day)
        .values(compared_with=before, movers=_movers(_shown(connection, before), rows))
    )


def _shown(connection: Connection, day: date | None) -> dict[str, tuple[int, str | None]]:
    c = portfolio_rows.c
    query = select(c.account_id, c.score_shown, c.meaning)
    query = query.where(c.as_of == day, c.score_shown.is_not(None))
    return {account: (score, meaning) for account, score, meaning in connection.execute(query)}


def _days(connection: Connection) -> list[date]:
    return list(connection.execute(select(score_runs.c.as_of)).scalars())
