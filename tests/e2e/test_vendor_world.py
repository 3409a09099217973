"""The simulated company, asked through its vendors' APIs, is the company of its files."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from customer_health import pipeline
from customer_health.company import CompanyConfig
from customer_health.settings import Settings
from customer_health.simulator.canonical_exports import write_tables
from customer_health.warehouse.connect import open_warehouse
from tests.lib.vendor_world import LEFT_BEHIND, OUR_SALESFORCE, vendor_world

START, UNTIL = date(2026, 1, 5), date(2026, 4, 1)
# Table -> what must agree, with times cut to the second as vendors write them.
COMPARED = {
    "accounts": "account_id, name, segment, industry, country, timezone, owner_email, manager_email, "
    "merged_into",
    "contracts": "contract_id, account_id, plan, plan_rank, seats, arr, term_start, term_end, status, "
    "occurred_at, auto_renew, notice_days, currency",
    # Salesforce has roles for those who decide, and none for mere users.
    "contacts": "contact_id, account_id, title, team, replace(role, 'user', 'other')",
    "contact_changes": "account_id, contact_id, kind, occurred_at",
    "interactions": "account_id, contact_id, kind, date_trunc('second', occurred_at)",
    "tickets": "account_id, priority, date_trunc('second', occurred_at), date_trunc('second', resolved_at), "
    "date_trunc('second', first_response_at)",
    "invoices": "account_id, round(amount, 2), date_trunc('second', occurred_at), "
    "date_trunc('second', due_at), date_trunc('second', paid_at)",
    "usage": "account_id, user_id, feature, events, occurred_at",
    "surveys": "account_id, kind, score, date_trunc('second', occurred_at)",
}


@pytest.mark.slow
def test_vendors_bring_what_the_files_bring_as_far_as_they_can_express_it(tmp_path: Path) -> None:
    tables = tmp_path / "tables"
    write_tables(tables, start=START, through=UNTIL, accounts=40, seed=7)
    own = tmp_path / "vendors"
    own.mkdir()
    (own / "our_salesforce.yaml").write_text(OUR_SALESFORCE, encoding="utf-8")
    with vendor_world(tables, UNTIL) as world:
        settings = Settings(
            home=tmp_path / "home",
            warehouse_url=f"duckdb:///{tmp_path}/w.duckdb",
            ledger_url=f"sqlite:///{tmp_path}/ledger.db",
            vendors=own,
            config=CompanyConfig.model_validate({"sources": world.sources()}),
        ).with_secrets(world.secrets())
        assert pipeline.sources(settings) == sorted(world.sources())
        pipeline.ingest(settings, as_of=UNTIL)
        pipeline.ingest(settings, as_of=UNTIL)  # once more: nothing comes twice
        wrong = [violation for server in world.servers for violation in server.violations]
    assert wrong == []
    for table, columns in COMPARED.items():
        keys = "_source, " + columns
        with open_warehouse(settings.warehouse_url, reads=[tables]) as con:
            assert con.execute("SELECT table_name, reason FROM quarantine.rows").fetchall() == []
            served = con.execute(f"SELECT DISTINCT {keys} FROM raw.{table}").fetchall()
            key = _key(table)
            true = con.execute(
                f"SELECT DISTINCT {columns} FROM (SELECT * FROM read_parquet('{tables}/{table}/*.parquet', "
                f"filename = true) WHERE known_at < DATE '{UNTIL}' AND {LEFT_BEHIND.get(table, 'true')} "
                f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY filename DESC) = 1)"
            ).fetchall()
        assert served, table
        assert sorted(map(str, (row[1:] for row in served))) == sorted(map(str, true)), table


def _key(table: str) -> str:
    from customer_health.warehouse.tables import TABLES

    return ", ".join(TABLES[table].key)
