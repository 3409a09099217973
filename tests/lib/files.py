"""A small company on disk: files, a mapping, and what became of them in the warehouse."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from customer_health.settings import Settings
from customer_health.sources.load import ingest
from customer_health.sources.source import LoadResult
from customer_health.warehouse.connect import open_warehouse
from customer_health.warehouse.gate import GateResult, run_gate

AS_OF = date(2026, 6, 1)

ACCOUNTS = "id,name,created\na1,Ann & Co,2025-01-10\na2,Bob Ltd,2025-02-10\na3,Cay Inc,2025-03-10\n"
CONTRACTS = (
    "id,account,seats,arr,start\n"
    "c1,a1,10,12000,2025-01-10\nc2,a2,20,24000,2025-02-10\nc3,a3,5,6000,2025-03-10\n"
)
USAGE = "account,user,day,feature,events\na1,u1,2026-05-01,export,3\na2,u2,2026-05-02,export,1\n"

MAPPING = """
version: 1
company: Test
tables:
  accounts:
    files: accounts.csv
    columns: {account_id: id, name: name, occurred_at: created}
  contracts:
    files: contracts.csv
    columns: {contract_id: id, account_id: account, seats: seats, arr: arr, occurred_at: start}
  usage:
    files: usage*.csv
    columns: {account_id: account, user_id: user, occurred_at: day, feature: feature, events: events}
"""


class CompanyFiles:
    """Three accounts with contracts and usage, in CSV, that a test then spoils.

    Args:
        folder: Where everything is put.
    """

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.data.mkdir()
        self.mapping = folder / "mapping.yaml"
        self.home = folder / "home"
        self.mapping.write_text(MAPPING, encoding="utf-8")
        self.write("accounts.csv", ACCOUNTS)
        self.write("contracts.csv", CONTRACTS)
        self.write("usage.csv", USAGE)

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def map(self, text: str) -> None:
        self.mapping.write_text(text, encoding="utf-8")

    @property
    def settings(self) -> Settings:
        return Settings(
            home=self.home,
            warehouse_url=f"duckdb:///{self.home}/warehouse.duckdb",
            ledger_url="sqlite://",
            data=str(self.data),
            mapping=self.mapping,
        )

    def ingest(self, as_of: date = AS_OF) -> LoadResult:
        return ingest(self.settings, as_of=as_of)

    def gate(self, as_of: date = AS_OF, today: date | None = None) -> GateResult:
        with open_warehouse(self.settings.warehouse_url) as con:
            return run_gate(con, as_of=as_of, report_dir=self.home / "reports", today=today)

    def load(self, as_of: date = AS_OF) -> GateResult:
        self.ingest(as_of)
        return self.gate(as_of)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with open_warehouse(self.settings.warehouse_url) as con:
            found: list[tuple[Any, ...]] = con.execute(query).fetchall()
            return found

    def ids(self, table: str, column: str) -> list[Any]:
        return [row[0] for row in self.rows(f"SELECT {column} FROM raw.{table} ORDER BY 1")]

    def quarantine(self) -> list[tuple[Any, ...]]:
        """(table, file, row, column, value) of every row in quarantine."""
        return self.rows(
            "SELECT table_name, file, row_number, column_name, value FROM quarantine.rows ORDER BY 1, 2, 3"
        )

    def remedies(self) -> list[str]:
        return [
            row[0] for row in self.rows("SELECT remedy FROM quarantine.rows ORDER BY table_name, row_number")
        ]
