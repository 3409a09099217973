"""Mergers as tools tell them: a row that names its survivor, or a survivor that lists whom it swallowed.

Few tools say when. A merger that a load shows for the first time, of an account that earlier loads held
apart, happened before that load; one that the first load shows already has always been. What was seen is kept
in `ops`, since the next export may hold no trace of it.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

_TABLES = (
    "CREATE TABLE IF NOT EXISTS ops.accounts_apart (account_id VARCHAR, since DATE, occurred_at TIMESTAMP, "
    "known_at TIMESTAMP, segment VARCHAR)",
    "CREATE TABLE IF NOT EXISTS ops.mergers (account_id VARCHAR, survivor VARCHAR, merged_at TIMESTAMP)",
)
_ITEM = re.compile(r"([^\s;,|\[\]\"'{}]+)")
_STAMPED = re.compile(r"(.+):(\d{10}|\d{13})")
DERIVED = "derived"


def remember_mergers(con: duckdb.DuckDBPyConnection, as_of: date) -> list[str]:
    """Give every merged account a row and, where it can be known, a day. The caller holds the transaction.

    Returns:
        Sentences for the log: ids that two accounts list as theirs.
    """
    for statement in _TABLES:
        con.execute(statement)
    con.execute(f"DELETE FROM raw.accounts WHERE _source = '{DERIVED}'")
    notes = _from_lists(con)
    seen = datetime.combine(as_of - timedelta(days=1), datetime.min.time())
    con.execute(
        "INSERT INTO ops.mergers SELECT DISTINCT a.account_id, a.merged_into, "
        "coalesce(a.merged_at, CASE WHEN h.since < ? THEN ?::TIMESTAMP END) "
        "FROM raw.accounts a LEFT JOIN ops.accounts_apart h USING (account_id) "
        "WHERE a.merged_into IS NOT NULL AND NOT EXISTS (SELECT 1 FROM ops.mergers m "
        "WHERE m.account_id = a.account_id AND m.survivor = a.merged_into)",
        [as_of, seen],
    )
    con.execute(
        "UPDATE raw.accounts a SET merged_at = m.merged_at FROM ops.mergers m "
        "WHERE m.account_id = a.account_id AND m.survivor = a.merged_into "
        "AND a.merged_at IS NULL AND m.merged_at IS NOT NULL"
    )
    con.execute(
        "INSERT INTO ops.accounts_apart SELECT account_id, ?, min(occurred_at), min(known_at), "
        "any_value(segment) FROM raw.accounts WHERE merged_into IS NULL "
        "AND account_id NOT IN (SELECT account_id FROM ops.accounts_apart) GROUP BY account_id",
        [as_of],
    )
    return notes


def merged_ids(text: str) -> list[tuple[str, datetime | None]]:
    """Read a list of merged ids: `A2;A9`, `["A2", "A9"]`, `101:1714550000000` (with the moment)."""
    out: list[tuple[str, datetime | None]] = []
    for item in _ITEM.findall(text):
        stamped = _STAMPED.fullmatch(item)
        if stamped is None:
            out.append((item, None))
            continue
        seconds = int(stamped[2]) / (1000 if len(stamped[2]) == 13 else 1)
        out.append((stamped[1], datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)))
    return out


def _from_lists(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Enter what survivors list; an id that two of them list goes to the first, and that is said."""
    rows = con.execute(
        "SELECT account_id, merged_ids, occurred_at, known_at FROM raw.accounts "
        "WHERE merged_ids IS NOT NULL ORDER BY account_id"
    ).fetchall()
    present: dict[str, Any] = dict(
        con.execute("SELECT account_id, merged_into FROM raw.accounts").fetchall() if rows else []
    )
    taken: dict[str, str] = {}
    notes = []
    for survivor, text, occurred, known in rows:
        for name, moment in merged_ids(text):
            if name == survivor or taken.get(name) == survivor:
                continue
            if name in taken:
                notes.append(f"accounts: {survivor} and {taken[name]} both list {name} as merged into them.")
                continue
            taken[name] = survivor
            if name not in present:
                con.execute(
                    "INSERT INTO raw.accounts (account_id, merged_into, merged_at, segment, occurred_at, "
                    "known_at, timezone, _source, _file, _row, _load_id) "
                    "SELECT ?, ?, ?, any_value(segment), coalesce(min(occurred_at), ?), "
                    "coalesce(min(known_at), ?), 'UTC', 'derived', 'merged ids', 0, 'derived' "
                    "FROM ops.accounts_apart WHERE account_id = ?",
                    [name, survivor, moment, occurred, known, name],
                )
            elif present[name] is None:
                con.execute(
                    "UPDATE raw.accounts SET merged_into = ?, merged_at = coalesce(merged_at, ?) "
                    "WHERE account_id = ?",
                    [survivor, moment, name],
                )
    return notes
