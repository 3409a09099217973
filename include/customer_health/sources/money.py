"""One currency for every amount: sums of ARR never add euros to dollars.

Amounts stay in `raw` as they were given (`_given`, `_given_in`) beside what they are in the company's
currency, so that a corrected rate corrects the past too. A contract keeps the rate of its first day: a
currency that moves is not a contraction. An amount in a currency without a rate is unknown, and said so;
everything else about its row goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from customer_health.company import MoneyConfig
from customer_health.warehouse.contracts import literal
from customer_health.warehouse.raw import scalar
from customer_health.wording import plural

if TYPE_CHECKING:
    import duckdb

# Table -> its amount. The last two name no currency: they speak of the account's contract.
AMOUNTS: Mapping[str, str] = {
    "contracts": "arr",
    "invoices": "amount",
    "contract_events": "arr_change",
    "outcomes": "arr_lost",
}
_OWN = frozenset({"contracts", "invoices"})


def company_currency(con: duckdb.DuckDBPyConnection, money: MoneyConfig) -> str | None:
    """The currency of every sum: the configured one, else that of most contracts; None if none names one."""
    found: str | None = money.currency or scalar(
        con,
        "SELECT upper(trim(currency)) AS code FROM raw.contracts WHERE trim(currency) <> '' "
        "GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1",
    )
    return found


def settle(con: duckdb.DuckDBPyConnection, money: MoneyConfig) -> list[str]:
    """Bring every amount of `raw` to the company's currency; doing it twice changes nothing.

    Args:
        con: The warehouse.
        money: The company's currency and what others are worth in it.

    Returns:
        Sentences for the log: what was converted, and what could not be.
    """
    currency = company_currency(con, money)
    if currency is None or not _is_mixed(con, currency):
        return []
    notes: list[str] = []
    con.execute("BEGIN")
    try:
        for table in AMOUNTS:
            for column in ("_given DOUBLE", "_given_in VARCHAR"):
                con.execute(f"ALTER TABLE raw.{table} ADD COLUMN IF NOT EXISTS {column}")
        _remember_contracts(con)
        for table in AMOUNTS:
            notes += _convert(con, table, currency, money)
        con.execute("COMMIT")
    except BaseException:
        con.execute("ROLLBACK")
        raise
    if notes and money.currency is None:
        notes.append(
            f"Amounts are given in {currency}, {_why(con, currency)}; "
            "money.currency of the company file would settle it."
        )
    return notes


def _why(con: duckdb.DuckDBPyConnection, currency: str) -> str:
    counts: dict[str, int] = dict(
        con.execute(
            "SELECT upper(trim(coalesce(_given_in, currency))), count(*) FROM raw.contracts "
            "WHERE trim(coalesce(_given_in, currency)) <> '' GROUP BY 1"
        ).fetchall()
    )
    others = sorted(code for code, n in counts.items() if code != currency and n == counts.get(currency))
    if not others:
        return "the currency of most contracts"
    return f"which is a guess: as many contracts are in {' and '.join(others)}"


def _is_mixed(con: duckdb.DuckDBPyConnection, currency: str) -> bool:
    """Whether any row is in, was in, or does not name its currency."""
    return any(
        scalar(con, f"SELECT 1 FROM raw.{table} WHERE currency IS DISTINCT FROM ? LIMIT 1", [currency])
        or scalar(
            con,
            "SELECT 1 FROM duckdb_columns() WHERE schema_name = 'raw' AND table_name = ? "
            "AND column_name = '_given_in'",
            [table],
        )
        for table in sorted(_OWN)
    )


def _remember_contracts(con: duckdb.DuckDBPyConnection) -> None:
    """The currency of each account's latest contract, and each contract's first day."""
    con.execute(
        "CREATE OR REPLACE TEMP TABLE money_contracts AS "
        "SELECT contract_id, min(CAST(occurred_at AS DATE)) AS since FROM raw.contracts GROUP BY 1"
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE money_accounts AS SELECT account_id, "
        "arg_max(coalesce(_given_in, upper(trim(currency))), (occurred_at, contract_id)) AS code, "
        "arg_max(since, (occurred_at, contract_id)) AS since "
        "FROM raw.contracts JOIN money_contracts USING (contract_id) GROUP BY 1"
    )


def _convert(con: duckdb.DuckDBPyConnection, table: str, currency: str, money: MoneyConfig) -> list[str]:
    amount = AMOUNTS[table]
    if table in _OWN:
        spoken, joined = "nullif(upper(trim(t.currency)), '')", ""
    else:
        spoken, joined = "m.code", "FROM money_accounts m WHERE m.account_id = t.account_id AND"
    # What came since: rows that name another currency, or belong to a contract in one.
    con.execute(
        f"UPDATE raw.{table} t SET _given = t.{amount}, _given_in = {spoken} {joined or 'WHERE'} "
        f"t._given_in IS NULL AND {spoken} <> {literal(currency)}"
    )
    if table in _OWN:
        con.execute(
            f"UPDATE raw.{table} SET currency = {literal(currency)} "
            f"WHERE _given_in IS NULL AND currency IS DISTINCT FROM {literal(currency)}"
        )
    day, since = {
        "contracts": ("m.since", "FROM money_contracts m WHERE m.contract_id = t.contract_id AND"),
        "invoices": ("CAST(t.occurred_at AS DATE)", "WHERE"),
    }.get(table, ("m.since", "FROM money_accounts m WHERE m.account_id = t.account_id AND"))
    worth = f"(t._given * {_rate('t._given_in', day, currency, money)})"
    lost = f"{worth} IS NULL AND t._given IS NOT NULL"
    named = f", currency = CASE WHEN {lost} THEN t._given_in ELSE {literal(currency)} END"
    con.execute(
        f"UPDATE raw.{table} t SET {amount} = {worth}{named if table in _OWN else ''} "
        f"{since} t._given_in IS NOT NULL AND t.{amount} IS DISTINCT FROM {worth}"
    )
    return _told(con, table, amount, currency)


def _rate(code: str, day: str, currency: str, money: MoneyConfig) -> str:
    """SQL: what one unit was worth on a day; NULL for a currency without a rate."""
    cases = [f"WHEN {literal(currency)} THEN 1.0"]
    for name, since in money.steps().items():
        *later, (_, first) = sorted(since.items(), reverse=True)
        steps = " ".join(
            f"WHEN {day} >= DATE {literal(begin.isoformat())} THEN {rate!r}" for begin, rate in later
        )
        worth = f"CASE {steps} ELSE {first!r} END" if steps else repr(first)
        cases.append(f"WHEN {literal(name)} THEN {worth}")
    return f"CAST(CASE {code} {' '.join(cases)} END AS DOUBLE)"


def _told(con: duckdb.DuckDBPyConnection, table: str, amount: str, currency: str) -> list[str]:
    found = con.execute(
        f"SELECT _given_in, count({amount}), count(*) FILTER ({amount} IS NULL) FROM raw.{table} "
        "WHERE _given IS NOT NULL AND _given_in <> ? GROUP BY 1 ORDER BY 1",
        [currency],
    ).fetchall()
    notes = [
        f"{table}: {plural(known, f'amount in {code} is', f'amounts in {code} are')} told in {currency}."
        for code, known, _ in found
        if known
    ]
    return notes + [
        f"{table}: {plural(unknown, f'amount in {code} is', f'amounts in {code} are')} unknown: nothing says "
        f"what that is in {currency}. Add {code} to money.rates of the company file."
        for code, _, unknown in found
        if unknown
    ]
