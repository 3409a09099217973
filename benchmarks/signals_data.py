"""Two years of a made-up SaaS company, drawn by DuckDB itself so that size is no obstacle."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from customer_health.warehouse.tables import TABLES

if TYPE_CHECKING:
    import duckdb

FIRST = date(2024, 1, 1)
DAYS = 730


def _insert(con: duckdb.DuckDBPyConnection, table: str, query: str) -> None:
    con.execute(
        f"INSERT INTO raw.{table} BY NAME SELECT *, '1' AS _load_id, 1 AS _row FROM ({query})"
    ).fetchall()


def generate(con: duckdb.DuckDBPyConnection, accounts: int, *, late_share: float = 0.01) -> int:
    """Fill raw.* with a history of `accounts` accounts.

    About 4,500 usage rows per account: seats are drawn from a long tail, people work on weekdays,
    half of the accounts grow and half shrink, and a share of usage arrives up to three weeks late.

    Returns:
        Number of usage rows.
    """
    con.execute("CREATE SCHEMA IF NOT EXISTS raw")
    for table in TABLES.values():
        columns = {name: column.type.value for name, column in table.columns.items()}
        columns |= {"_source": "VARCHAR", "_file": "VARCHAR", "_row": "BIGINT", "_load_id": "VARCHAR"}
        spelt = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        con.execute(f"CREATE OR REPLACE TABLE raw.{table.name} ({spelt})")
    # Uniform in [0, 1) from a key: the same data every time, on any number of threads.
    con.execute("CREATE OR REPLACE TEMP MACRO draw(k) AS (hash(k) % 1000003) / 1000003.0")
    con.execute(f"CREATE OR REPLACE TEMP MACRO on_day(k) AS DATE '{FIRST}' + (draw(k) * {DAYS - 1})::INT")
    con.execute("CREATE OR REPLACE TEMP MACRO name(a) AS 'a' || lpad(a::VARCHAR, 7, '0')")
    people = f"""SELECT a, u, draw('slope' || a) - 0.5 AS trend, 0.15 + 0.35 * draw('busy' || a || u) AS busy
        FROM range({accounts}) t(a), range(2 + (40 * draw('seats' || a) ** 3)::INT) s(u)"""
    _insert(
        con,
        "accounts",
        f"""SELECT name(a) AS account_id, 'smb' AS segment,
        TIMESTAMP '2023-01-01' AS occurred_at, occurred_at AS known_at FROM range({accounts}) t(a)""",
    )
    _insert(
        con,
        "contracts",
        f"""SELECT name(a) AS account_id, account_id || '-1'
        AS contract_id, 2 + (40 * draw('seats' || a) ** 3)::INT AS seats, seats * 500 * (1 + 0.1 * n) AS arr,
        'Pro' AS plan, (DATE '2023-01-01' + (n * 365)::INT) AS term_start, (term_start + 365) AS term_end,
        'active' AS status, term_start::TIMESTAMP AS occurred_at, occurred_at AS known_at
        FROM range({accounts}) t(a), range(4) s(n)""",
    )
    _insert(con, "usage", f"""SELECT name(a) AS account_id, 'u' || u AS user_id,
        'feature_' || lpad(((draw('f' || a || u || d || f) ** 2 * 12)::INT)::VARCHAR, 2, '0') || f AS feature,
        (1 + 9 * draw('e' || a || u || d || f))::INT AS events, DATE '{FIRST}' + d::INT AS occurred_at,
        (occurred_at + CASE WHEN draw('late' || a || d) < {late_share}
            THEN 1 + (20 * draw('lag' || a || d))::INT ELSE 0 END)::TIMESTAMP AS known_at
        FROM ({people}), range({DAYS}) t(d)
        , range(1 + (draw('many' || a || u || d) < 0.5)::INT) s(f)
        WHERE draw('on' || a || u || d)
            < (busy + trend * d / {DAYS}) * CASE WHEN (d % 7) < 5 THEN 1 ELSE 0.2 END
        """)  # fmt: skip
    _insert(
        con,
        "tickets",
        f"""SELECT 't' || a || '-' || n AS ticket_id,
        name(a) AS account_id,
        CASE WHEN draw('p' || a || n) < 0.1 THEN 'critical' ELSE 'normal' END AS priority,
        on_day('t' || a || n)::TIMESTAMP AS occurred_at, occurred_at AS known_at,
        occurred_at + to_hours(1 + (90 * draw('r' || a || n))::INT) AS first_response_at,
        CASE WHEN draw('o' || a || n) < 0.95
            THEN occurred_at + to_hours(2 + (400 * draw('s' || a || n))::INT) END AS resolved_at
        FROM range({accounts}) t(a), range((30 * draw('tickets' || a))::INT) s(n)""",
    )
    _insert(
        con,
        "ticket_messages",
        """SELECT ticket_id || '-' || n AS message_id, ticket_id, account_id,
        'customer' AS author, draw('m' || ticket_id || n) AS sentiment,
        t.occurred_at + to_hours(n::INT) AS occurred_at, t.occurred_at + to_hours(n::INT) AS known_at
        FROM raw.tickets t, range(3) s(n)""",
    )
    _insert(
        con,
        "surveys",
        f"""SELECT 's' || a || '-' || n AS survey_id,
        name(a) AS account_id, 'nps' AS kind, (10.9 * draw('nps' || a || n))::INT AS score,
        on_day('n' || a || n)::TIMESTAMP + to_seconds(n) AS occurred_at, occurred_at AS known_at
        FROM range({accounts}) t(a), range((6 * draw('surveys' || a))::INT) s(n)""",
    )
    _insert(
        con,
        "invoices",
        f"""SELECT 'i' || a || '-' || n AS invoice_id,
        name(a) AS account_id, (DATE '{FIRST}' + (n * 30)::INT)::TIMESTAMP AS occurred_at,
        occurred_at AS known_at, 100.0 AS amount, occurred_at + to_days(14) AS due_at,
        CASE WHEN draw('paid' || a || n) < 0.97 THEN due_at + to_days((25 * draw('pd' || a || n) - 10)::INT)
        END AS paid_at FROM range({accounts}) t(a), range(24) s(n)""",
    )
    _insert(
        con,
        "contacts",
        f"""SELECT 'c' || a || '-' || n AS contact_id,
        name(a) AS account_id, 'u' || n AS user_id,
        CASE WHEN n = 0 THEN 'VP Operations' ELSE 'Analyst' END AS title, 'user' AS role,
        TIMESTAMP '2023-01-01' AS occurred_at, occurred_at AS known_at
        FROM range({accounts}) t(a), range(3) s(n)""",
    )
    _insert(
        con,
        "interactions",
        f"""SELECT 'x' || a || '-' || n AS interaction_id,
        name(a) AS account_id, 'c' || a || '-0' AS contact_id,
        CASE WHEN n % 8 = 0 THEN 'ebr' ELSE 'call' END AS kind,
        on_day('x' || a || n)::TIMESTAMP AS occurred_at, occurred_at AS known_at
        FROM range({accounts}) t(a), range(20) s(n)""",
    )
    found = con.execute("SELECT count(*) FROM raw.usage").fetchall()
    return int(found[0][0])
