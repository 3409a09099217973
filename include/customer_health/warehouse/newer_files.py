"""What newer files do to older ones: win, replace a day, retire what they no longer hold, or count twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from customer_health.warehouse.contracts import identifier, literal
from customer_health.warehouse.raw import scalar
from customer_health.warehouse.row_check import of_loads
from customer_health.warehouse.table import Table

if TYPE_CHECKING:
    import duckdb

NEWEST_WINS = ("latest_file", "newest_wins")


def policy_of(con: duckdb.DuckDBPyConnection, table: Table) -> str:
    """Return what repeated keys mean in this table (mapping.Feed.repeats): what its latest load was told."""
    known = scalar(
        con, "SELECT repeats FROM ops.files WHERE table_name = ? ORDER BY load_id DESC LIMIT 1", [table.name]
    )
    return known or "report"


def placed(table: Table) -> str:
    """Return the JOIN that gives each row (`t`) the place of its file (`p.place`): newer ones are greater."""
    places = (
        f"SELECT source, file, coalesce(place, file) AS place FROM ops.files "
        f"WHERE table_name = {literal(table.name)}"
    )
    return f"LEFT JOIN ({places}) p ON p.source = t._source AND p.file = t._file"


def overlapping(
    con: duckdb.DuckDBPyConnection, table: Table, loads: Sequence[str], parts: Sequence[str]
) -> int:
    """Count new rows whose key another file has, too; of each part (SQL of a condition) by itself."""
    keys = ", ".join(f"t.{identifier(name)}" for name in table.key)
    return sum(
        int(
            scalar(
                con,
                f"SELECT coalesce(sum(fresh), 0) FROM (SELECT count(*) FILTER ({of_loads(loads)}) AS fresh "
                f"FROM raw.{table.name} t WHERE {part} GROUP BY hash({keys}) "
                "HAVING min(t._file) <> max(t._file))",
            )
        )
        for part in parts
    )


def replaced_days(con: duckdb.DuckDBPyConnection, table: Table, touched: str) -> int:
    """Put rows into gate_repeated whose day a newer file has, and count them."""
    con.execute(
        "INSERT INTO gate_repeated SELECT rid, file, row, NULL FROM (SELECT t.rowid AS rid, t._file AS file, "
        "t._row AS row, p.place < max(p.place) OVER (PARTITION BY CAST(t.occurred_at AS DATE)) AS old "
        f"FROM raw.{table.name} t {placed(table)} WHERE {touched}) "
        "WHERE old AND rid NOT IN (SELECT rid FROM gate_repeated)"
    )
    return int(scalar(con, "SELECT count(*) FROM gate_repeated WHERE same IS NULL"))


def retire(con: duckdb.DuckDBPyConnection, table: Table) -> tuple[int, int]:
    """Put rows into gate_repeated whose record the newest full export of their feed no longer holds.

    A record that the newest export holds but that waits in quarantine is not gone; nor is anything where
    lines of that export could not be read at all.

    Returns:
        Their number, and that of all records that exports of these feeds have held.
    """
    known_by = _known_by(table)
    feeds = con.execute(
        "SELECT source, feed, list(file ORDER BY coalesce(place, file)), "
        "arg_max(rejected, coalesce(place, file)) "
        "FROM ops.files WHERE table_name = ? AND repeats = 'latest_file' GROUP BY 1, 2 HAVING count(*) > 1",
        [table.name],
    ).fetchall()
    records = 0
    for source, _, files, rejected in feeds if known_by else ():
        *older, newest = files
        if rejected:
            continue
        key = " || chr(31) || ".join(f"CAST(t.{identifier(name)} AS VARCHAR)" for name in known_by)
        waits = " || chr(31) || ".join(f"json_extract_string(q.record, '$.{name}')" for name in known_by)
        of_source = f"raw.{table.name} t WHERE t._source = {literal(source)}"
        held = (
            f"SELECT {key} FROM {of_source} AND t._file = {literal(newest)} UNION ALL SELECT {waits} "
            f"FROM quarantine.rows q WHERE q.table_name = {literal(table.name)} "
            f"AND q.source = {literal(source)} AND q.file = {literal(newest)} AND json_valid(q.record)"
        )
        con.execute(
            f"INSERT INTO gate_repeated SELECT t.rowid, {literal(newest)}, 0, NULL FROM {of_source} "
            f"AND t._file IN ({', '.join(map(literal, older))}) AND {key} NOT IN "
            f"(SELECT held FROM ({held}) h(held) WHERE held IS NOT NULL) "
            "AND t.rowid NOT IN (SELECT rid FROM gate_repeated)"
        )
        in_newest = f"SELECT count(*) FROM {of_source} AND t._file = {literal(newest)}"
        records += int(scalar(con, in_newest))
    retired = int(scalar(con, "SELECT count(*) FROM gate_repeated WHERE same IS NULL"))
    return retired, records + retired


def _known_by(table: Table) -> tuple[str, ...]:
    """Return the columns by which a record is known in all its states; none for usage, which is a log."""
    if "user_id" in table.key:
        return ()
    return tuple(name for name in table.key if name != "occurred_at" or table.key[0] == "account_id")
