"""Everything that the warehouse holds about an account or a person: found once, to hand out and to erase.

An account's rows go. A person's rows stay countable, because a day's active users and an answer's score
belong to the account: the person gets a pseudonym, their words and title go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from customer_health.subject import Subject
from customer_health.warehouse.contracts import identifier
from customer_health.warehouse.raw import scalar

if TYPE_CHECKING:
    import duckdb

# Which file was read when; no row of these is about a customer.
_NOT_ABOUT_CUSTOMERS = ("ops.files", "ops.loads", "ops.company", "ops.gate", "ops.freshness")
_QUARANTINE = "quarantine.rows"
_READINGS = "ops.text_readings"
# Where a person's own words are: table, words, and whose they are.
_WORDS = (
    ("surveys", "text", "contact_id IN {ids}"),
    ("interactions", "summary", "contact_id IN {ids}"),
    (
        "ticket_messages",
        "text",
        "author = 'customer' AND ticket_id IN (SELECT ticket_id FROM raw.tickets WHERE contact_id IN {ids})",
    ),
)
_PERSONS = ("contact_id", "user_id")
_NAMES = ("first_name", "last_name", "name")
_TITLES = (("contacts", (*_NAMES, "title", "team")), ("contact_changes", ("title",)))


def ids_of_account(con: duckdb.DuckDBPyConnection, account: str) -> tuple[list[str], list[str]]:
    """Return the ids (those of accounts merged into it included) and the names of an account."""
    ids = [account]
    if not _exists(con, "raw.accounts"):
        return ids, []
    for one in ids:  # grows while it is walked: a merged account may have swallowed another
        rows = con.execute("SELECT account_id FROM raw.accounts WHERE merged_into = ?", [one]).fetchall()
        listed = con.execute("SELECT merged_ids FROM raw.accounts WHERE account_id = ?", [one]).fetchall()
        more = [name for (name,) in rows]
        more += [part.strip() for (text,) in listed if text for part in text.split(";")]
        ids += [name for name in more if name and name not in ids]
    names = con.execute(
        f"SELECT DISTINCT name FROM raw.accounts WHERE account_id IN {_list(ids)} AND length(name) > 1", ids
    ).fetchall()
    return ids, [name for (name,) in names]


def ids_of_person(con: duckdb.DuckDBPyConnection, person: str) -> list[str]:
    """Return the contact ids and user ids under which the warehouse knows a person."""
    if not _exists(con, "raw.contacts"):
        return [person]
    rows = con.execute(
        "SELECT contact_id, user_id FROM raw.contacts WHERE contact_id = ? OR user_id = ?", [person, person]
    ).fetchall()
    return sorted({person, *(one for row in rows for one in row if one)})


def members_of(con: duckdb.DuckDBPyConnection, accounts: Sequence[str]) -> list[list[str]]:
    """Return the ids of each person whom the accounts' contacts name: contact id and user id."""
    if not _exists(con, "raw.contacts"):
        return []
    rows = con.execute(
        f"SELECT DISTINCT contact_id, user_id FROM raw.contacts WHERE account_id IN {_list(accounts)} "
        "ORDER BY ALL",
        list(accounts),
    ).fetchall()
    return [[one for one in row if one] for row in rows]


def known_elsewhere(
    con: duckdb.DuckDBPyConnection, people: Sequence[str], accounts: Sequence[str]
) -> set[str]:
    """Return those of the persons' ids that rows of other accounts hold, too."""
    if not people:
        return set()
    parts, values = [], list[str]()
    for table, columns in _tables(con).items():
        for column in _PERSONS if "account_id" in columns and table.startswith("raw.") else ():
            if column in columns:
                parts.append(
                    f"SELECT {column} AS id FROM {table} WHERE {column} IN {_list(people)} "
                    f"AND account_id NOT IN {_list(accounts)}"
                )
                values += [*people, *accounts]
    rows = con.execute(" UNION ".join(parts), values).fetchall() if parts else []
    return {str(one) for (one,) in rows}


def persons(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Return every id of a person that the warehouse holds."""
    parts = [
        f"SELECT {column} AS id FROM {table}"
        for table, columns in _tables(con).items()
        for column in _PERSONS
        if column in columns
    ]
    parts.append(f"SELECT value AS id FROM {_QUARANTINE}")
    rows = con.execute(f"SELECT DISTINCT id FROM ({' UNION ALL '.join(parts)}) WHERE id <> ''").fetchall()
    return [str(one) for (one,) in rows]


def names_of_person(con: duckdb.DuckDBPyConnection, ids: Sequence[str]) -> list[str]:
    """Return what contacts are called: whole names and given names, in one line each."""
    if not _exists(con, "raw.contacts"):
        return []
    rows = con.execute(
        f"SELECT first_name, last_name, name FROM raw.contacts WHERE contact_id IN {_list(ids)}", list(ids)
    ).fetchall()
    names = [one for first, last, name in rows for one in (name, first, f"{first or ''} {last or ''}")]
    return [" ".join(name.split()) for name in names if name]


def rows_of(con: duckdb.DuckDBPyConnection, subject: Subject) -> dict[str, list[dict[str, Any]]]:
    """Return every row that concerns the subject, by table."""
    found = {}
    for table, columns in _tables(con).items():
        condition, values = _concerns(table, columns, subject)
        result = con.execute(f"SELECT * FROM {table} WHERE {condition}", values)
        names = [column[0] for column in result.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
        if rows:
            found[table] = rows
    return found


def text_hashes(con: duckdb.DuckDBPyConnection, subject: Subject) -> list[str]:
    """Return the hashes of the words that would go and that nobody else wrote."""
    gone, others = [], []
    for table, words, whose in _WORDS:
        if "_text_hash" not in _tables(con).get(f"raw.{table}", ()):
            continue
        condition = whose if subject.kind == "person" else "account_id IN {ids}"
        mine = f"coalesce({condition.format(ids=_list(subject.ids))}, false)"
        kept = f"{words} IS NOT NULL AND _text_hash IS NOT NULL"
        base = f"SELECT DISTINCT _text_hash FROM raw.{table} WHERE {kept}"
        gone += con.execute(f"{base} AND {mine}", list(subject.ids)).fetchall()
        others += con.execute(f"{base} AND NOT {mine}", list(subject.ids)).fetchall()
    return sorted({one for (one,) in gone} - {one for (one,) in others})


def erase_rows(
    con: duckdb.DuckDBPyConnection,
    subject: Subject,
    hashes: Sequence[str] = (),
    members: Sequence[Subject] = (),
) -> dict[str, int]:
    """Remove the subject, in one transaction; return the number of rows by table.

    Args:
        con: The warehouse.
        subject: Whom.
        hashes: As `text_hashes` returned them: what was read in these words goes too.
        members: People of an account, with what is left of them when its rows have gone.
    """
    counts: Counter[str] = Counter()
    con.execute("BEGIN")
    try:
        tables = _tables(con)
        if hashes and _READINGS in tables:
            counts[_READINGS] = _change(
                con, f"DELETE FROM {_READINGS} WHERE hash IN {_list(hashes)}", list(hashes)
            )
        for one in (subject, *members):
            if one.kind == "person":
                counts.update(_silence(con, one, tables))
            for table, columns in tables.items():
                if table == _READINGS:
                    continue
                erase = _erase_account if one.kind == "account" else _erase_person
                counts[table] += erase(con, table, columns, one)
        con.execute("COMMIT")
    except BaseException:
        con.execute("ROLLBACK")
        raise
    return {table: count for table, count in counts.items() if count}


def candidates(con: duckdb.DuckDBPyConnection, kind: str) -> list[str]:
    """Return the ids of accounts, or of persons, that came with loads which no gate has seen yet."""
    fresh = "SELECT load_id FROM ops.loads WHERE gated IS NOT TRUE"
    wanted = ("account_id",) if kind == "account" else _PERSONS
    parts = [
        f"SELECT DISTINCT {column} AS id FROM {table} WHERE _load_id IN ({fresh})"
        for table, columns in _tables(con).items()
        for column in wanted
        if column in columns and "_load_id" in columns
    ]
    parts.append(f"SELECT DISTINCT value AS id FROM {_QUARANTINE} WHERE load_id IN ({fresh})")
    found = con.execute(f"SELECT DISTINCT id FROM ({' UNION ALL '.join(parts)}) WHERE id <> ''").fetchall()
    return [one for (one,) in found]


def _erase_account(
    con: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str], subject: Subject
) -> int:
    ids = list(subject.ids)
    if "account_id" not in columns:
        condition, values = _concerns(table, columns, subject)
        return _change(con, f"DELETE FROM {table} WHERE {condition}", values)
    gone = _change(con, f"DELETE FROM {table} WHERE account_id IN {_list(ids)}", ids)
    for column in columns:  # another account that names this one as its parent
        name = identifier(column)
        gone += _change(con, f"UPDATE {table} SET {name} = NULL WHERE {name} IN {_list(ids)}", ids)
    return gone


def _erase_person(
    con: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str], subject: Subject
) -> int:
    condition, values = _concerns(table, columns, subject)
    if table == _QUARANTINE:
        return _change(con, f"DELETE FROM {table} WHERE {condition}", values)
    concerned = int(scalar(con, f"SELECT count(*) FROM {table} WHERE {condition}", values))
    for column in columns if concerned else ():
        name = identifier(column)
        con.execute(
            f"UPDATE {table} SET {name} = ? WHERE {name} IN {_list(subject.ids)}",
            [subject.pseudonym, *subject.ids],
        ).fetchall()
    return concerned


def _silence(
    con: duckdb.DuckDBPyConnection, subject: Subject, tables: dict[str, list[str]]
) -> dict[str, int]:
    """Remove a person's words and titles; return the number of texts by table."""
    counts, ids = {}, list(subject.ids)
    for table, words, whose in _WORDS:
        columns = tables.get(f"raw.{table}", [])
        if not columns or (table == "ticket_messages" and "raw.tickets" not in tables):
            continue
        cells = ", ".join(f"{name} = NULL" for name in (words, "_text_hash") if name in columns)
        mine = whose.format(ids=_list(ids))
        counts[f"raw.{table}"] = _change(
            con, f"UPDATE raw.{table} SET {cells} WHERE {mine} AND {words} IS NOT NULL", ids
        )
    for table, titles in _TITLES:
        if f"raw.{table}" in tables:
            cells = ", ".join(f"{name} = NULL" for name in titles)
            con.execute(f"UPDATE raw.{table} SET {cells} WHERE contact_id IN {_list(ids)}", ids).fetchall()
    return counts


def _concerns(table: str, columns: Sequence[str], subject: Subject) -> tuple[str, list[str]]:
    ids = list(subject.ids)
    if table == _QUARANTINE:
        inside = " OR ".join("contains(record, ?)" for _ in ids)
        return f"value IN {_list(ids)} OR {inside}", [*ids, *(f'"{one}"' for one in ids)]
    looked_at = ["account_id"] if subject.kind == "account" and "account_id" in columns else columns
    return " OR ".join(f"{identifier(name)} IN {_list(ids)}" for name in looked_at), ids * len(looked_at)


def _tables(con: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """Return every table that may be about customers, with its columns of text."""
    rows = con.execute(
        "SELECT c.schema_name || '.\"' || c.table_name || '\"', c.schema_name || '.' || c.table_name, "
        "c.column_name FROM duckdb_columns() c JOIN duckdb_tables() t USING (table_oid, schema_name) "
        "WHERE c.data_type = 'VARCHAR' AND NOT t.temporary ORDER BY 1, c.column_index"
    ).fetchall()
    found: dict[str, list[str]] = {}
    for quoted, name, column in rows:
        if name not in _NOT_ABOUT_CUSTOMERS and not name.split(".")[1].startswith("_dlt"):
            found.setdefault(name if name.replace(".", "_").isidentifier() else quoted, []).append(column)
    return found


def _exists(con: duckdb.DuckDBPyConnection, table: str) -> bool:
    return table in _tables(con)


def _change(con: duckdb.DuckDBPyConnection, statement: str, values: list[str]) -> int:
    return int(scalar(con, statement, values) or 0)


def _list(values: Sequence[str]) -> str:
    return f"({', '.join('?' for _ in values)})"
