"""A small company in memory, written down fact by fact, so that a test can be checked by eye."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from customer_health.company import CompanyConfig
from customer_health.signals.build_panel import build_panel
from customer_health.signals.catalogue import CATALOGUE
from customer_health.signals.signal import Signal
from customer_health.warehouse.table import Type
from customer_health.warehouse.tables import TABLES

PROVENANCE = {"_source": "VARCHAR", "_file": "VARCHAR", "_row": "BIGINT", "_load_id": "VARCHAR"}
LONG_AGO = "2020-01-01"

Moment = str | date | datetime


def moment(value: Moment) -> datetime:
    """Read "2026-02-20" or "2026-02-20 13:00" as a naive UTC timestamp."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, datetime.min.time())
    return datetime.fromisoformat(value)


def create_raw_tables(con: duckdb.DuckDBPyConnection) -> None:
    """Create every raw table with the columns of its contract and the provenance columns."""
    con.execute("CREATE SCHEMA IF NOT EXISTS raw")
    for table in TABLES.values():
        columns = {name: column.type.value for name, column in table.columns.items()} | PROVENANCE
        con.execute(
            f"CREATE TABLE raw.{table.name} ({', '.join(f'{name} {kind}' for name, kind in columns.items())})"
        )


ARROW = {
    Type.TEXT.value: pa.string(),
    Type.INTEGER.value: pa.int64(),
    Type.NUMBER.value: pa.float64(),
    Type.BOOLEAN.value: pa.bool_(),
    Type.DATE.value: pa.timestamp("us"),  # cast to DATE on insert
    Type.TIMESTAMP.value: pa.timestamp("us"),
}


def insert(con: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows given as dictionaries; missing columns stay empty."""
    kinds = {name: column.type.value for name, column in TABLES[table].columns.items()} | PROVENANCE
    schema = pa.schema([(name, ARROW[kind]) for name, kind in kinds.items()])
    con.register("rows_to_insert", pa.Table.from_pylist([dict(row) for row in rows], schema=schema))
    con.execute(f"INSERT INTO raw.{table} SELECT * FROM rows_to_insert").fetchall()
    con.unregister("rows_to_insert")


class World:
    """Facts of a small company. Every method adds one fact and returns nothing worth keeping.

    `occurred` is when it happened; `known` defaults to the same moment. An account exists from the
    first time it is mentioned, with one contract unless `contract` is called for it or
    `without_contract` names it.
    """

    def __init__(self, config: CompanyConfig | None = None) -> None:
        self.config = config or CompanyConfig()
        self.rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
        self.connections: list[duckdb.DuckDBPyConnection] = []

    def add(
        self, table: str, account: str | None, occurred: Moment, known: Moment | None, **values: Any
    ) -> None:
        """Add a row to any canonical table; timestamps may be text."""
        if account is not None and table != "accounts":
            self.account(account)
        contract = TABLES[table]
        row = {"account_id": account, "occurred_at": moment(occurred), "known_at": moment(known or occurred)}
        for name, value in values.items():
            stamp = contract.columns[name].type in (Type.TIMESTAMP, Type.DATE)
            row[name] = moment(value) if stamp and value is not None else value
        for name, column in contract.columns.items():
            if name not in row and column.default is not None and column.type is Type.TEXT:
                row[name] = column.default
        key = contract.key[0]
        row.setdefault(key, f"{table}-{len(self.rows[table]) + 1}")
        row |= {"_source": "test", "_file": "test", "_row": len(self.rows[table]), "_load_id": "1"}
        self.rows[table].append(row)

    def account(
        self, name: str, *, created: Moment = LONG_AGO, known: Moment | None = None, **values: Any
    ) -> None:
        """A customer company; mentioning it in any other fact is enough."""
        if not any(row["account_id"] == name for row in self.rows["accounts"]):
            self.add("accounts", name, created, known, **values)

    def contract(
        self,
        account: str,
        *,
        occurred: Moment = LONG_AGO,
        known: Moment | None = None,
        arr: float | None = 12000,
        seats: float | None = 10,
        ends: Moment | None = None,
        starts: Moment | None = None,
        contract: str | None = None,
        **values: Any,
    ) -> None:
        """One state of a contract."""
        self.add(
            "contracts", account, occurred, known, contract_id=contract or f"{account}-1", arr=arr,
            seats=seats, term_start=starts, term_end=ends, **values,
        )  # fmt: skip

    def usage(
        self,
        account: str,
        *,
        occurred: Moment,
        user: str = "ann",
        feature: str = "report",
        events: float = 1,
        known: Moment | None = None,
    ) -> None:
        """What one user did with one feature on one day."""
        self.add("usage", account, occurred, known, user_id=user, feature=feature, events=events)

    def daily_usage(self, account: str, *, first: Moment, last: Moment, **values: Any) -> None:
        """The same usage on every day from first to last."""
        day = moment(first)
        while day <= moment(last):
            self.usage(account, occurred=day, **values)
            day += timedelta(days=1)

    def counted(self, account: str, *, first: Moment, last: Moment, users: float) -> None:
        """So many people, whom nobody names, on every day from first to last."""
        day = moment(first)
        while day <= moment(last):
            self.add("daily_users", account, day, None, users=users)
            day += timedelta(days=1)

    def ticket(self, account: str, *, occurred: Moment, known: Moment | None = None, **values: Any) -> None:
        """A support ticket."""
        self.add("tickets", account, occurred, known, **values)

    def message(
        self,
        account: str,
        *,
        occurred: Moment,
        sentiment: float | None,
        known: Moment | None = None,
        **values: Any,
    ) -> None:
        """A message in a ticket's thread."""
        self.add("ticket_messages", account, occurred, known, sentiment=sentiment, ticket_id="t", **values)

    def nps(self, account: str, *, score: float, occurred: Moment, known: Moment | None = None) -> None:
        """An answer to the NPS question."""
        self.add("surveys", account, occurred, known, kind="nps", score=score)

    def csat(self, account: str, *, score: float, occurred: Moment, known: Moment | None = None) -> None:
        """An answer to the CSAT question."""
        self.add("surveys", account, occurred, known, kind="csat", score=score)

    def invoice(self, account: str, *, occurred: Moment, known: Moment | None = None, **values: Any) -> None:
        """An invoice."""
        self.add("invoices", account, occurred, known, **values)

    def contact(
        self,
        account: str,
        person: str,
        *,
        occurred: Moment = LONG_AGO,
        known: Moment | None = None,
        **values: Any,
    ) -> None:
        """A person at the customer whom we know."""
        self.add("contacts", account, occurred, known, contact_id=person, **values)

    def contact_change(
        self,
        account: str,
        person: str,
        *,
        kind: str,
        occurred: Moment,
        known: Moment | None = None,
        **values: Any,
    ) -> None:
        """Something changed about a contact."""
        self.add("contact_changes", account, occurred, known, contact_id=person, kind=kind, **values)

    def interaction(
        self,
        account: str,
        *,
        kind: str,
        occurred: Moment,
        person: str | None = None,
        known: Moment | None = None,
        **values: Any,
    ) -> None:
        """A contact between us and the customer."""
        self.add("interactions", account, occurred, known, kind=kind, contact_id=person, **values)

    def contract_event(
        self, account: str, *, kind: str, occurred: Moment, known: Moment | None = None, **values: Any
    ) -> None:
        """Something was asked of, or done to, a contract."""
        self.add("contract_events", account, occurred, known, kind=kind, **values)

    def outcome(
        self,
        account: str,
        *,
        occurred: Moment,
        known: Moment | None = None,
        kind: str = "logo_churn",
        **values: Any,
    ) -> None:
        """A loss."""
        self.add("outcomes", account, occurred, known, kind=kind, **values)

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A warehouse in memory that holds these facts."""
        con = duckdb.connect(
            config={"autoinstall_known_extensions": False, "autoload_known_extensions": False}
        )
        create_raw_tables(con)
        for table, rows in self.rows.items():
            if rows:
                insert(con, table, rows)
        return con

    def panel(self, *as_of: Moment, signals: Sequence[Signal] | None = None, **options: Any) -> pd.DataFrame:
        """The panel of some as-of dates, as the pipeline would build it."""
        con = self.connect()
        try:
            dates = [moment(day).date() for day in as_of]
            return build_panel(
                con, self.config, dates, signals=signals or tuple(CATALOGUE.values()), **options
            )
        finally:
            con.close()

    def signals(self, as_of: Moment, **options: Any) -> pd.DataFrame:
        """One row per account: `.at["acme", "recent_nps"]`."""
        return self.panel(as_of, **options).set_index("account_id")
