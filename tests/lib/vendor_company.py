"""A company that asks one vendor: its settings, its readings, and what has landed."""

from __future__ import annotations

import gzip
import json
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from customer_health.company import CompanyConfig
from customer_health.errors import DataContractError
from customer_health.settings import Settings
from customer_health.sources.asking.batch import GONE
from customer_health.sources.asking.raw_files import dotted
from customer_health.sources.asking.reading import Reading
from customer_health.sources.load import ingest
from customer_health.sources.source import LoadResult
from customer_health.sources.vendor_source import VendorSource
from customer_health.warehouse.connect import open_warehouse
from customer_health.warehouse.gate import run_gate
from customer_health.warehouse.raw import create_tables
from tests.lib.servers.vendors.base import AS_OF, VendorServer


class VendorCompany:
    """Asks one vendor that listens on this machine.

    Args:
        folder: Where everything is put.
        remote: The vendor.
        own: Folder of the company's own vendor files.
    """

    def __init__(self, folder: Path, remote: VendorServer, own: Path | None = None) -> None:
        self.remote, self.name = remote, remote.vendor
        self.waits: list[float] = []
        self.home = folder / "home"
        config = {"sources": {self.name: {"options": dict(remote.options), "through": remote.url}}}
        self.settings = Settings(
            home=self.home,
            warehouse_url=f"duckdb:///{self.home}/warehouse.duckdb",
            ledger_url=f"sqlite:///{self.home}/ledger.db",
            vendors=own,
            config=CompanyConfig.model_validate(config),
        ).with_secrets({self.name: remote.secret})

    @property
    def source(self) -> VendorSource:
        """The source; it does not really wait."""
        return VendorSource(self.settings, self.name, sleep=self.waits.append)

    def fetch(self, as_of: date = AS_OF) -> Reading:
        """Ask for what is new."""
        return self.source.fetch(as_of=as_of, progress=lambda *_: None)

    def load(self, as_of: date = AS_OF) -> LoadResult:
        """Load what has landed, and hold it against its contracts as far as that goes without accounts."""
        return ingest(self.settings, as_of=as_of, source=self.name, fetch=False)

    def landed(self) -> dict[str, dict[str, Any]]:
        """Return key -> newest record of the main resource, without those that are gone."""
        found: dict[str, dict[str, Any]] = {}
        for row in self.rows_of(self.remote.main):
            key = str(dotted(row, self.remote.key)[1])
            if row.get(GONE):
                found.pop(key, None)
            else:
                found[key] = row
        return found

    def rows_of(self, resource: str) -> list[dict[str, Any]]:
        """Return every row of a resource's files, in the order in which they landed."""
        folder, rows = self.home / "landing" / self.name / resource, []
        for path in sorted(folder.rglob("*.parquet")):
            columns, values = _table(path)
            rows += [dict(zip(columns, one, strict=True)) for one in values]
        for path in sorted(folder.rglob("*.jsonl.gz")):
            rows += [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
        return rows

    def know(self, account: str, domain: str) -> None:
        """Have an account in the warehouse, from another source."""
        self.home.mkdir(parents=True, exist_ok=True)
        with open_warehouse(self.settings.warehouse_url) as con:
            create_tables(con)
            con.execute(
                "INSERT INTO raw.accounts (account_id, domain, occurred_at, known_at) "
                "VALUES (?, ?, TIMESTAMP '2025-01-01', TIMESTAMP '2025-01-01')",
                [account, domain],
            )

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the warehouse."""
        with open_warehouse(self.settings.warehouse_url) as con:
            return list(con.execute(sql).fetchall())

    def settle_and_tell(self, as_of: date = AS_OF) -> list[str]:
        """Let the gate look at what was loaded; return what it says."""
        with open_warehouse(self.settings.warehouse_url) as con:
            try:
                return run_gate(con, as_of=as_of, report_dir=self.home / "reports").lines()
            except DataContractError as error:
                return [error.message, error.hint or ""]

    def settle(self, as_of: date = AS_OF) -> None:
        """Let the gate settle repeated keys; that whole tables are missing does not matter here."""
        with open_warehouse(self.settings.warehouse_url) as con, suppress(DataContractError):
            run_gate(con, as_of=as_of, report_dir=self.home / "reports")


def _table(path: Path) -> tuple[list[str], list[tuple[Any, ...]]]:
    with duckdb.connect() as con:
        answer = con.execute(f"SELECT * FROM read_parquet('{path}')")
        return [one[0] for one in answer.description], answer.fetchall()
