"""Tables that Fivetran, Airbyte or Heap have left in the company's warehouse, used by naming them."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from tests.lib.files import AS_OF

from customer_health.errors import ConfigurationError
from customer_health.settings import Settings
from customer_health.sources.load import ingest
from customer_health.sources.mapping_file import SCHEMAS, load_mapping
from customer_health.sources.source import LoadResult
from customer_health.warehouse.connect import open_warehouse

CRM = """
CREATE SCHEMA sf; CREATE SCHEMA zd; CREATE SCHEMA st;
CREATE TABLE sf.account AS SELECT * FROM (VALUES
  ('a1', 'Ann', 'Steel', 'u1', TIMESTAMP '2025-01-10', false),
  ('a2', 'Bob', NULL, NULL, TIMESTAMP '2025-01-11', true))
  t(id, name, industry, owner_id, created_date, is_deleted);
CREATE TABLE sf.user AS SELECT 'u1' AS id, 'Cara@Acme.com' AS email;
CREATE TABLE sf.opportunity AS SELECT 'o1' AS id, 'a1' AS account_id, 1200.0 AS amount,
  DATE '2025-02-01' AS close_date, true AS is_won, false AS is_deleted;
CREATE TABLE sf.contact AS SELECT 'p1' AS id, 'a1' AS account_id, 'CFO' AS title,
  TIMESTAMP '2025-01-10' AS created_date, false AS is_deleted;
CREATE TABLE sf.event AS SELECT 'e1' AS id, 'a1' AS account_id, 'p1' AS who_id, 'QBR' AS type,
  TIMESTAMP '2026-05-01 10:00' AS start_date_time, false AS is_deleted;
CREATE TABLE sf.task AS SELECT 't1' AS id, 'a1' AS account_id, 'p1' AS who_id, 'Call' AS task_subtype,
  TIMESTAMP '2026-05-02 10:00' AS completed_date_time, false AS is_deleted;
CREATE TABLE zd.ticket AS SELECT 7 AS id, 70 AS organization_id, 5 AS requester_id, 'urgent' AS priority,
  'open' AS status, TIMESTAMP '2026-05-01' AS created_at, TIMESTAMP '2026-05-02' AS updated_at;
CREATE TABLE zd.organization AS SELECT 70 AS id, 'a1' AS external_id;
CREATE TABLE st.invoice AS SELECT 'in1' AS id, 'cus1' AS customer_id, 'paid' AS status, 12050 AS amount_due,
  'usd' AS currency, TIMESTAMP '2026-05-10' AS due_date, TIMESTAMP '2026-05-12' AS status_transitions_paid_at,
  TIMESTAMP '2026-05-01' AS created;
CREATE TABLE st.customer_account AS SELECT 'cus1' AS id, 'a1' AS account_id;
"""


class Landed:
    """A company whose tables lie in a DuckDB file, or at `url`."""

    def __init__(self, folder: Path, tables: str, mapping: str, url: str = "") -> None:
        self.mapping = folder / "mapping.yaml"
        self.mapping.write_text(mapping, encoding="utf-8")
        if not url:
            with duckdb.connect(str(folder / "company.duckdb")) as con:
                con.execute(tables)
        self.settings = Settings(
            home=folder / "home",
            warehouse_url=f"duckdb:///{folder}/home/w.duckdb",
            ledger_url="sqlite://",
            mapping=self.mapping,
            source_warehouse=url or f"duckdb:///{folder}/company.duckdb",
        )

    def load(self) -> LoadResult:
        return ingest(self.settings, as_of=AS_OF)

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with open_warehouse(self.settings.warehouse_url) as con:
            return list(con.execute(query).fetchall())


USE = "company: Test\nuse: {fivetran_salesforce: sf, fivetran_zendesk: zd, fivetran_stripe: st}\n"


def test_three_landed_vendors_are_read_by_naming_their_schemas(tmp_path: Path) -> None:
    company = Landed(tmp_path, CRM, USE)
    result = company.load()
    assert company.rows("SELECT account_id, owner_email FROM raw.accounts") == [("a1", "cara@acme.com")]
    assert company.rows("SELECT account_id, arr, CAST(term_end AS VARCHAR) FROM raw.contracts") == [
        ("a1", 1200.0, "2026-02-01")
    ]
    assert company.rows("SELECT ticket_id, account_id, priority FROM raw.tickets") == [
        ("zd-7", "a1", "critical")
    ]
    assert company.rows("SELECT account_id, amount FROM raw.invoices") == [("a1", 120.5)]
    assert company.rows("SELECT kind FROM raw.interactions ORDER BY 1") == [("call",), ("ebr",)]
    assert any(
        "accounts: Fivetran's salesforce.account has the state of today only" in note for note in result.notes
    )


def test_what_the_mapping_says_itself_takes_precedence(tmp_path: Path) -> None:
    own = (
        "tables:\n  contracts:\n    table: sf.opportunity\n"
        "    columns: {contract_id: id, account_id: account_id, arr: {constant: 7}, "
        "occurred_at: close_date}\n"
    )
    company = Landed(tmp_path, CRM, USE + own)
    company.load()
    assert company.rows("SELECT contract_id, arr FROM raw.contracts") == [("o1", 7.0)]


def test_a_schema_that_nobody_knows_is_refused_with_a_suggestion(tmp_path: Path) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text("company: Test\nuse: {fivetran_zendsk: zd}\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="no schema 'fivetran_zendsk'") as caught:
        load_mapping(path)
    assert "fivetran_zendesk" in caught.value.hint


@pytest.mark.parametrize("name", sorted(path.stem for path in SCHEMAS.glob("*.yaml")))
def test_every_known_schema_is_a_mapping_that_can_be_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / "mapping.yaml"
    columns = {
        "accounts": "{account_id: id, occurred_at: day}",
        "contracts": "{contract_id: id, account_id: id, occurred_at: day}",
    }
    own = "".join(
        f"  {table}:\n    table: x.{table}\n    columns: {rule}\n" for table, rule in columns.items()
    )
    path.write_text(f"company: Test\nuse: {{{name}: here}}\ntables:\n{own}", encoding="utf-8")
    feeds = [feed for feeds in load_mapping(path).tables.values() for feed in feeds]
    assert any(feed.table.startswith("here.") for feed in feeds) or name in (
        "airbyte_salesforce",
        "fivetran_salesforce",
    )
