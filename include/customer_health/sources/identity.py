"""After a load: one account, contact or contract has one id, whatever the ways in which sources write it.

Ids of merged accounts that their survivor lists get an account row of their own, so that facts under them
find their way; ids in Salesforce's other form are written as the table that they refer to writes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from customer_health.sources.merged_accounts import remember_mergers
from customer_health.sources.salesforce_ids import LOOKS, candidates, twins
from customer_health.warehouse.tables import TABLES
from customer_health.wording import plural

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Reference:
    """A column that holds ids of another table.

    Attributes:
        table: Where it stands.
        column: Its name.
        to: The table whose ids it holds.
        key: That table's id.
    """

    table: str
    column: str
    to: str
    key: str


REFERENCES = (
    Reference("accounts", "merged_into", "accounts", "account_id"),
    Reference("accounts", "parent_account_id", "accounts", "account_id"),
    *(
        Reference(name, "account_id", "accounts", "account_id")
        for name, table in TABLES.items()
        if "account_id" in table.columns and name != "accounts"
    ),
    *(
        Reference(name, "contact_id", "contacts", "contact_id")
        for name in ("tickets", "surveys", "interactions", "contact_changes")
    ),
    Reference("contract_events", "contract_id", "contracts", "contract_id"),
    Reference("ticket_messages", "ticket_id", "tickets", "ticket_id"),
)
_ALIASES = (
    "CREATE TABLE IF NOT EXISTS ops.id_aliases (table_name VARCHAR, column_name VARCHAR, source VARCHAR, "
    "alias VARCHAR, id VARCHAR, rows BIGINT)"
)


def settle_ids(con: duckdb.DuckDBPyConnection, as_of: date) -> list[str]:
    """Bring ids of `raw` to one form; doing it twice changes nothing.

    Args:
        con: The warehouse.
        as_of: The day of the run: mergers that a load shows for the first time happened before it.

    Returns:
        Sentences for the log.
    """
    con.execute(_ALIASES)
    con.execute("BEGIN")
    try:
        _join_forms(con)
        notes = remember_mergers(con, as_of)
        changed = {reference: _resolve(con, reference) for reference in REFERENCES}
        con.execute("COMMIT")
    except BaseException:
        con.execute("ROLLBACK")
        raise
    return notes + [
        f"{one.table}: {plural(rows, 'row holds', 'rows hold')} {one.column} in Salesforce's other form; "
        f"matched to {one.to}."
        for one, rows in changed.items()
        if rows
    ]


def _resolve(con: duckdb.DuckDBPyConnection, reference: Reference) -> int:
    """Write the ids of one column as the table that they refer to does; return how many rows changed."""
    ids = con.execute(
        f"SELECT DISTINCT {reference.key} FROM raw.{reference.to} WHERE {_looks(reference.key)}"
    ).fetchall()
    if not ids:
        return 0
    column, known = reference.column, {row[0] for row in ids}
    found = con.execute(
        f"SELECT DISTINCT {column} FROM raw.{reference.table} WHERE {_new(con, reference)} "
        f"AND {_looks(column)} AND {column} NOT IN (SELECT {reference.key} FROM raw.{reference.to})"
    ).fetchall()
    by_key = twins(known) if found else {}
    options = {text: candidates(text, by_key) for (text,) in found}
    pairs = {text: min(names) for text, names in options.items() if len(names) == 1}
    if not pairs:
        return 0
    import pyarrow as pa

    con.register("id_pairs", pa.table({"alias": list(pairs), "id": list(pairs.values())}))
    con.execute(
        f"INSERT INTO ops.id_aliases SELECT ?, ?, t._source, p.alias, p.id, count(*) "
        f"FROM raw.{reference.table} t JOIN id_pairs p ON t.{column} = p.alias GROUP BY ALL",
        [reference.table, column],
    )
    changed = con.execute(
        f"UPDATE raw.{reference.table} t SET {column} = p.id FROM id_pairs p WHERE t.{column} = p.alias"
    ).fetchall()
    con.unregister("id_pairs")
    return int(changed[0][0])


def _looks(column: str) -> str:
    return f"regexp_full_match({column}, '{LOOKS}')"


def _join_forms(con: duckdb.DuckDBPyConnection) -> None:
    """Merge an account that is listed under both forms of its id into the longer one."""
    con.execute(
        "UPDATE raw.accounts a SET merged_into = b.account_id FROM raw.accounts b "
        "WHERE a.merged_into IS NULL AND length(a.account_id) = 15 AND length(b.account_id) = 18 "
        f"AND b.account_id[:15] = a.account_id AND {_looks('b.account_id')}"
    )


def _new(con: duckdb.DuckDBPyConnection, reference: Reference) -> str:
    """Which rows to look at: those that no gate has seen, or all if the ids that they refer to have news."""
    loads = {
        name: [
            row[0]
            for row in con.execute(
                "SELECT DISTINCT load_id FROM ops.loads WHERE table_name = ? AND NOT gated", [name]
            ).fetchall()
        ]
        for name in (reference.table, reference.to)
    }
    if loads[reference.to]:
        return "true"
    quoted = ", ".join(f"'{load}'" for load in loads[reference.table])
    return f"_load_id IN ({quoted})" if quoted else "false"
